/**
 * The kinds of authenticators, by the name that the configuration gives them. Another kind is one
 * more row; an embedding program adds its own by `authenticators` of `createGateway`. Several
 * kinds can be in use at once: a request satisfies one of them.
 */
import type { AuthConfig } from "../config/config.ts";
import { createKeyAuthenticator, keyKind } from "./api_key.ts";
import type {
  Authentication,
  Authenticator,
  AuthenticatorDeps,
  AuthenticatorKind,
  AuthTarget,
  Challenge,
} from "./authenticator.ts";
import { isChallenge } from "./authenticator.ts";
import { createNoAuthenticator } from "./none.ts";
import { createOAuthAuthenticator } from "./oauth.ts";

/** Kinds by name, in the order in which they are asked. */
export type AuthenticatorKinds = Readonly<Record<string, AuthenticatorKind>>;

/** The rows. */
export const authenticatorKinds: AuthenticatorKinds = {
  none: createNoAuthenticator,
  [keyKind]: createKeyAuthenticator,
  oauth: createOAuthAuthenticator,
  // Loaded when it is chosen, since most gateways do not need its library.
  jwt: async (deps) => (await import("./jwt.ts")).createJwtAuthenticator(deps),
};

/** The kind that lets every request in. */
export const noKind = "none";

/** What each kind gets, except for its settings. */
export type SharedAuthenticatorDeps = Omit<AuthenticatorDeps, "settings">;

/**
 * Makes the authenticator of all kinds in use. Throws an error text if there is no such kind, or if
 * one of them lets every request in, so that the others would mean nothing.
 */
export async function createAuthenticator(
  auth: AuthConfig | undefined,
  kinds: AuthenticatorKinds,
  deps: SharedAuthenticatorDeps,
): Promise<Authenticator> {
  const names = auth?.kinds ?? [noKind];
  for (const name of names) assertKnown(name, kinds);
  if (names.length === 0 || (names.length > 1 && names.includes(noKind))) {
    throw new Error(
      `Cannot use authenticators ${JSON.stringify(names)}: expected at least one, and "none" ` +
        'only by itself; correct MCP_AUTH, or "auth" in mcp.json',
    );
  }
  const chosen = Object.entries(kinds).filter(([name]) => names.includes(name));
  const made = await Promise.all(
    chosen.map(([name, kind]) => kind({ ...deps, settings: auth?.settings[name] ?? {} })),
  );
  const [first, ...others] = made;
  return first === undefined || others.length > 0 ? combine(made) : first;
}

function assertKnown(name: string, kinds: AuthenticatorKinds): void {
  if (Object.hasOwn(kinds, name)) return;
  throw new Error(
    `Cannot use authenticator ${JSON.stringify(name)}: expected one of ` +
      Object.keys(kinds).map((known) => JSON.stringify(known)).join(", ") +
      '; correct MCP_AUTH, or "auth" in mcp.json',
  );
}

/** One authenticator of several. A request gets the principal of the first that knows it. */
function combine(all: readonly Authenticator[]): Authenticator {
  /** Asks from one place in the order on; without a promise as long as no kind returns one. */
  const ask = (
    request: Request,
    target: AuthTarget,
    start = 0,
    challenges: readonly Challenge[] = [],
  ): Authentication | Promise<Authentication> => {
    const one = all[start];
    if (one === undefined) return worst(challenges);
    const goOn = (outcome: Authentication) =>
      isChallenge(outcome) ? ask(request, target, start + 1, [...challenges, outcome]) : outcome;
    const outcome = one.authenticate(request, target);
    return "then" in outcome ? Promise.resolve(outcome).then(goOn) : goOn(outcome);
  };
  return {
    authenticate: (request, target) => ask(request, target),
    issuers: all.flatMap(({ issuers = [] }) => issuers),
    hasOwnIssuer: all.some(({ hasOwnIssuer = false }) => hasOwnIssuer),
    isDiscoverable: (surface) =>
      all.every(({ isDiscoverable }) => isDiscoverable?.(surface) ?? true),
    async close() {
      await Promise.all(all.map((one) => one.close?.()));
    },
  };
}

/** The challenge that says most: valid credentials that do not suffice, then invalid ones. */
function worst(challenges: readonly Challenge[]): Challenge {
  return challenges.find(({ code }) => code === "forbidden") ??
    challenges.find(({ error }) => error !== undefined) ??
    challenges.find(({ message }) => message !== undefined) ??
    challenges[0] ?? { code: "unauthenticated" };
}
