/**
 * The scopes of access tokens: `mcp` (everything that the policy allows), `mcp:server:NAME` (that
 * server alone), and `offline_access` (a refresh token, which is given in any case).
 */
import { OAuthError } from "./oauth_error.ts";

/** Everything that the policy allows. */
export const allScope = "mcp";

/** How the scope of one server begins. */
export const serverPrefix = "mcp:server:";

/** A refresh token, which is given in any case. */
export const offlineScope = "offline_access";

/** What is granted if a client asks for nothing, and what metadata lists. No server is named. */
export const usualScopes: readonly string[] = [allScope, offlineScope];

/** The words of a `scope` parameter (RFC 6749, 3.3), without repetitions. */
function splitScope(text: string | undefined): string[] {
  return [...new Set((text ?? "").split(" ").filter((word) => word !== ""))];
}

/** One server by its name: a pattern would show the person who consents less than it grants. */
const serverScope = /^mcp:server:[^*]+$/;

function isKnown(scope: string): boolean {
  return scope === allScope || scope === offlineScope || serverScope.test(scope);
}

/**
 * The scopes that a request may be granted. Scopes of other servers' vocabularies are left out, as
 * RFC 6749, 3.3 allows. Throws `invalid_scope` if there were only such.
 */
export function toRequestedScopes(text: string | undefined): string[] {
  const words = splitScope(text);
  const known = words.filter(isKnown);
  if (known.some((scope) => scope !== offlineScope)) return known;
  if (known.length < words.length) {
    throw new OAuthError("invalid_scope", `Expected scopes of ${usualScopes.join(", ")}`);
  }
  return [...usualScopes];
}

/**
 * The scopes of a token that a client asks for later: no more than were granted. Throws
 * `invalid_scope`.
 */
export function narrowScopes(granted: readonly string[], text: string | undefined): string[] {
  const words = splitScope(text);
  if (words.length === 0) return [...granted];
  const isCovered = (scope: string): boolean =>
    granted.includes(scope) || scope === offlineScope ||
    (serverScope.test(scope) && granted.includes(allScope));
  if (words.every(isCovered)) return words;
  throw new OAuthError("invalid_scope", "The scope exceeds what was granted");
}

/** The servers that scopes are limited to; undefined: all. */
export function serversOf(scopes: readonly string[]): readonly string[] | undefined {
  if (scopes.includes(allScope)) return undefined;
  return scopes.filter((scope) => scope.startsWith(serverPrefix))
    .map((scope) => scope.slice(serverPrefix.length));
}
