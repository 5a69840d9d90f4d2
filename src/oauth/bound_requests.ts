/**
 * Which browser a waiting authorization belongs to: the first that opened its page. Its id is in a
 * URL, which can be copied or guessed at from a log; in another browser it shows nothing and can be
 * neither approved nor refused.
 */
import { putWithin } from "../bounded.ts";
import type { Limits } from "../limits.ts";

/** The requests of all browsers, by the digests of the browsers' tokens. */
export interface BoundRequests {
  /** Binds a request that is not bound yet; whether it belongs to this browser. */
  take(request: string, token: string): boolean;
  /** The newest request of a browser. */
  newest(token: string): string | undefined;
  /** A browser has a new token: its requests stay its own. */
  move(from: string, to: string): void;
  /** A request was answered, or is gone. */
  forget(request: string): void;
}

/** Makes the table, empty. */
export function createBoundRequests(
  { limits, sha256 }: {
    readonly limits: Pick<Limits, "browserLoginsMax">;
    readonly sha256: (text: string) => string;
  },
): BoundRequests {
  const owners = new Map<string, string>();
  return {
    take(request, token) {
      const owner = sha256(token);
      const known = owners.get(request) ?? owner;
      if (known === owner) putWithin(owners, request, owner, limits.browserLoginsMax);
      return known === owner;
    },
    newest(token) {
      const own = sha256(token);
      return [...owners].findLast(([, owner]) => owner === own)?.[0];
    },
    move(from, to) {
      const [before, after] = [sha256(from), sha256(to)];
      for (const [request, owner] of owners) if (owner === before) owners.set(request, after);
    },
    forget: (request) => void owners.delete(request),
  };
}
