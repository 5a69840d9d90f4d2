/**
 * The kinds of authenticators, by the name that the configuration gives them. Another kind is one
 * more row; an embedding program adds its own by `authenticatorKinds` of `createGateway`.
 */
import type { Authenticator, AuthenticatorDeps, AuthenticatorKind } from "./authenticator.ts";
import { createNoAuthenticator } from "./none.ts";

/** Kinds by name. */
export type AuthenticatorKinds = Readonly<Record<string, AuthenticatorKind>>;

/** The rows. */
export const authenticatorKinds: AuthenticatorKinds = {
  none: createNoAuthenticator,
};

/** Makes the authenticator of a kind. Throws an error text if there is no such kind. */
export function createAuthenticator(
  name: string,
  kinds: AuthenticatorKinds,
  deps: AuthenticatorDeps,
): Authenticator {
  const kind = Object.hasOwn(kinds, name) ? kinds[name] : undefined;
  if (kind !== undefined) return kind(deps);
  throw new Error(
    `Cannot use authenticator ${JSON.stringify(name)}: expected one of ` +
      Object.keys(kinds).map((known) => JSON.stringify(known)).join(", "),
  );
}
