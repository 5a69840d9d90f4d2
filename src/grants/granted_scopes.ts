/** Scopes as texts (RFC 6749, section 3.3): read from strangers, joined, compared. */
import type { Limits } from "../limits.ts";

/** How many scopes are taken, and how long each may be. */
export type ScopeLimits = Pick<Limits, "grantScopesMax" | "grantScopeCharsMax">;

const scopeForm = /^[\x21\x23-\x5b\x5d-\x7e]+$/;

/** The valid scopes of a text that a space separates; each once. */
export function readScopes(text: string, limits: ScopeLimits): readonly string[] {
  return keepScopes(text.split(/\s+/), limits);
}

/** The valid scopes of a list; undefined if it is none. */
export function readScopeList(value: unknown, limits: ScopeLimits): readonly string[] | undefined {
  if (!Array.isArray(value)) return undefined;
  return keepScopes(value.filter((scope) => typeof scope === "string"), limits);
}

/** All scopes of the lists, each once, in the order in which they come first. */
export function joinScopes(...lists: readonly (readonly string[])[]): readonly string[] {
  return [...new Set(lists.flat())];
}

function keepScopes(
  scopes: readonly string[],
  { grantScopesMax, grantScopeCharsMax }: ScopeLimits,
): readonly string[] {
  const isValid = (scope: string) => scope.length <= grantScopeCharsMax && scopeForm.test(scope);
  return [...new Set(scopes.filter(isValid))].slice(0, grantScopesMax);
}
