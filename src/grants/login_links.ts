/**
 * Links by which a principal logs in at a protected server: a random token for each, of which only
 * the digest is kept, in memory. A link lives ten minutes and is used once. Not here: the URL
 * (login_place.ts), and the page behind it (src/http/oauth/).
 */
import type { Clock } from "../clock.ts";
import type { Limits } from "../limits.ts";
import { makeKey } from "../seal.ts";

/** What a link is for. */
export interface ServerLink {
  /** The server's name. */
  readonly server: string;
  /** Whose grant it leads to: the principal's id, or that of `sharedPrincipal`. */
  readonly principal: string;
}

/** The links of a gateway. */
export interface LoginLinks {
  /** Makes a link; returns its token: 256 random bits. */
  make(server: string, principal: string): string;
  /** What a token is for, without using it up; undefined: it was used, is too old, or is unknown. */
  find(token: string): ServerLink | undefined;
  /** Uses a token up; undefined as for `find`. */
  use(token: string): ServerLink | undefined;
  /** The links of a principal can be used no more. */
  drop(principal: string): void;
}

/** What the links need. */
export interface LoginLinkDeps {
  readonly clock: Pick<Clock, "monotonic">;
  readonly limits: Pick<
    Limits,
    "serverLinkMs" | "serverLinksMax" | "serverLinksPerPrincipalMax"
  >;
  /** SHA-256 of a text in hex. */
  readonly sha256: (text: string) => string;
}

interface Entry extends ServerLink {
  readonly endsAt: number;
}

/** Makes the table, empty. */
export function createLoginLinks({ clock, limits, sha256 }: LoginLinkDeps): LoginLinks {
  /** By the digest of the token, the oldest first. */
  const entries = new Map<string, Entry>();
  /** The digests of each principal's links, the oldest first. */
  const own = new Map<string, Set<string>>();
  const remove = (digest: string): void => {
    const entry = entries.get(digest);
    if (entry === undefined) return;
    entries.delete(digest);
    const digests = own.get(entry.principal);
    digests?.delete(digest);
    if (digests?.size === 0) own.delete(entry.principal);
  };
  const isLive = ({ endsAt }: Entry): boolean => clock.monotonic() < endsAt;
  /** All links live equally long, so the expired ones are the oldest. */
  const removeExpired = (): void => {
    for (const [digest, entry] of entries) {
      if (isLive(entry)) return;
      remove(digest);
    }
  };
  const removeFirst = (digests: Iterable<string>): void => {
    for (const digest of digests) return remove(digest);
  };
  const read = (digest: string): ServerLink | undefined => {
    const entry = entries.get(digest);
    if (entry === undefined || !isLive(entry)) return undefined;
    return { server: entry.server, principal: entry.principal };
  };
  return {
    make(server, principal) {
      removeExpired();
      // A client that calls in a loop takes only its own principal's links away.
      const before = own.get(principal);
      if (before !== undefined && before.size >= limits.serverLinksPerPrincipalMax) {
        removeFirst(before);
      } else if (entries.size >= limits.serverLinksMax) {
        removeFirst(entries.keys());
      }
      const token = makeKey();
      const digest = sha256(token);
      entries.set(digest, { server, principal, endsAt: clock.monotonic() + limits.serverLinkMs });
      const digests = own.get(principal) ?? new Set();
      own.set(principal, digests.add(digest));
      return token;
    },
    find: (token) => read(sha256(token)),
    use(token) {
      const digest = sha256(token);
      const link = read(digest);
      remove(digest);
      return link;
    },
    drop(principal) {
      for (const digest of [...own.get(principal) ?? []]) remove(digest);
    },
  };
}
