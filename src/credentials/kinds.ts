/** The kinds of credentials: a new kind is one function and one row here. */
import type { Authorization } from "../outgoing/authorization.ts";
import { emptyContext } from "../outgoing/authorization.ts";
import type { CredentialDeps, ProviderOptions } from "./provider.ts";

/** Makes the provider of one server; nothing is read or asked yet. */
export function createAuthorization(
  { credentials }: ProviderOptions,
  _deps: CredentialDeps,
): Authorization {
  const context = credentials.type === "bearer" && typeof credentials.token === "string"
    ? { ...emptyContext, headers: { authorization: `Bearer ${credentials.token}` } }
    : emptyContext;
  return {
    get: () => Promise.resolve({ state: "ready", context, isDegraded: false }),
    renew: () => Promise.resolve(false),
  };
}
