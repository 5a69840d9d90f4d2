/**
 * Counts which scopes of one connection subscribe to which resources, so that a shared process gets
 * one request for each.
 */

/** The subscriptions of one connection. */
export interface ScopeSubscriptions {
  /** Whether any scope is subscribed to this URI. */
  has(uri: string): boolean;
  /** Whether this scope is. */
  isOf(scope: string, uri: unknown): boolean;
  add(uri: string, scope: string): void;
  /** True when no scope is subscribed to the URI any more. */
  remove(uri: string, scope: string): boolean;
  /** Removes a scope; returns the URIs without a subscription left. */
  removeScope(scope: string): string[];
  count(): number;
  /** The URIs with at least one subscription. */
  uris(): string[];
}

/** Makes an empty set. */
export function createScopeSubscriptions(): ScopeSubscriptions {
  const scopes = new Map<string, Set<string>>();
  const remove = (uri: string, scope: string): boolean => {
    const set = scopes.get(uri);
    set?.delete(scope);
    if (set?.size === 0) scopes.delete(uri);
    return !scopes.has(uri);
  };
  return {
    has: (uri) => scopes.has(uri),
    isOf: (scope, uri) => typeof uri === "string" && scopes.get(uri)?.has(scope) === true,
    add(uri, scope) {
      scopes.set(uri, (scopes.get(uri) ?? new Set()).add(scope));
    },
    remove,
    removeScope: (scope) =>
      [...scopes].filter(([uri, set]) => set.has(scope) && remove(uri, scope)).map(([uri]) => uri),
    count: () => scopes.size,
    uris: () => [...scopes.keys()],
  };
}
