/**
 * What is known of the grant of one principal at one server: it is read from the store once. A
 * grant for a resource that does not cover the server's URL is not used: the URL was changed. While
 * calls under the old URL end, both are in use, so each URL has a state of its own.
 */
import { putWithin } from "../bounded.ts";
import type { Grant, GrantKey } from "./grant.ts";
import type { GrantDeps } from "./grant_deps.ts";
import { coversServer } from "./resource_metadata.ts";
import type { ProtectedServer } from "./server_grants.ts";

/** What is known. Times are on the monotonic clock. */
export interface KeptGrant {
  readonly server: string;
  /** The server's URL. */
  readonly url: string;
  readonly principal: string;
  loading: Promise<void> | undefined;
  stored: { readonly key: GrantKey; readonly grant: Grant } | undefined;
  /** A grant is stored, but it cannot be opened. */
  isUnreadable: boolean;
  /** The server refused the token, and no refresh helps. */
  isRefused: boolean;
  /** When the token was replaced because the server had refused it. */
  renewedAt: number;
  refreshing: Promise<void> | undefined;
  /** A token that the server refused is being replaced. */
  renewing: Promise<void> | undefined;
  /** The latest refresh failed, and is not repeated until then. */
  failed:
    | { readonly problem: string; readonly until: number; readonly backoffMs: number }
    | undefined;
  /** The scopes that the server wants besides those of the grant, by tool; "": no tool. */
  readonly needs: Map<string, readonly string[]>;
  /** The log-ins that finished lately, and the scopes that each asked for. */
  logins: readonly { readonly at: number; readonly scopes: string }[];
}

/** What is known of all principals. */
export interface KeptGrants {
  /** What is known of one, read from the store if it was not yet. */
  load(server: ProtectedServer, principal: string): Promise<KeptGrant>;
  /** What is known without a look into the store, for each URL that the server has had lately. */
  peek(server: string, principal: string): readonly KeptGrant[];
  /** A log-in gave this grant. */
  replace(kept: KeptGrant, key: GrantKey, grant: Grant): void;
  /** Reads again what is known of a server and a principal, or of all: others may have changed it. */
  readAgain(server?: string, principal?: string): void;
  /** Forgets what is known of a server, or of one principal there; the store is left alone. */
  drop(server: string, principal?: string): void;
}

/** Makes it, empty. */
export function createKeptGrants(
  { store, limits, addSecrets }: Pick<GrantDeps, "store" | "limits" | "addSecrets">,
): KeptGrants {
  const kept = new Map<string, KeptGrant>();
  /** The URLs that each server has had lately. */
  const urls = new Map<string, Set<string>>();
  const keyOf = (server: string, url: string, principal: string) =>
    JSON.stringify([server, url, principal]);
  const keysOf = (server: string, principal: string): string[] =>
    [...urls.get(server) ?? []].map((url) => keyOf(server, url, principal));

  const find = async (one: KeptGrant) => {
    const found = (await store.find(one.server, one.principal))
      .filter(({ key }) => coversServer(key.resource, one.url));
    for (const { key, grant } of found) {
      if (grant === "unreadable") continue;
      addSecrets(secretsOf(grant));
      return { stored: { key, grant }, isUnreadable: false };
    }
    return { stored: undefined, isUnreadable: found.length > 0 };
  };
  const read = async (one: KeptGrant): Promise<void> => {
    const { stored, isUnreadable } = await find(one);
    // A log-in may have finished in the meantime.
    one.stored ??= stored;
    one.isUnreadable = one.stored === undefined && isUnreadable;
  };
  /** The same where another instance may have changed it. */
  const follow = async (one: KeptGrant): Promise<void> => {
    const before = one.stored;
    const { stored, isUnreadable } = await find(one);
    if (one.stored !== before) return;
    if (before !== undefined && stored !== undefined && isSame(before.grant, stored.grant)) return;
    Object.assign(one, { stored, isUnreadable, isRefused: false, failed: undefined });
    one.needs.clear();
  };
  const begin = (one: KeptGrant, work: (one: KeptGrant) => Promise<void>): void => {
    const loading = work(one).catch((fault: unknown) => {
      // The next look tries again.
      if (one.loading === loading) one.loading = undefined;
      throw fault;
    });
    one.loading = loading;
    // Not each of them has someone who waits.
    loading.catch(() => {});
  };

  return {
    async load({ name, url }, principal) {
      const key = keyOf(name, url, principal);
      urls.set(name, (urls.get(name) ?? new Set()).add(url));
      const one = kept.get(key) ?? createKept(name, url, principal);
      putWithin(kept, key, one, limits.keptGrantsMax);
      if (one.loading === undefined) begin(one, read);
      await one.loading;
      return one;
    },
    peek: (server, principal) => keysOf(server, principal).flatMap((key) => kept.get(key) ?? []),
    replace(one, key, grant) {
      addSecrets(secretsOf(grant));
      one.stored = { key, grant };
      Object.assign(one, { isUnreadable: false, isRefused: false, failed: undefined });
      one.needs.clear();
    },
    readAgain(server, principal) {
      for (const one of kept.values()) {
        const isMeant = (server ?? one.server) === one.server &&
          (principal ?? one.principal) === one.principal;
        // Who looks meanwhile waits for it.
        if (isMeant && one.loading !== undefined) begin(one, follow);
      }
    },
    drop(server, principal) {
      if (principal !== undefined) {
        for (const key of keysOf(server, principal)) kept.delete(key);
        return;
      }
      urls.delete(server);
      for (const [key, one] of kept) if (one.server === server) kept.delete(key);
    },
  };
}

function isSame(one: Grant, other: Grant): boolean {
  return one.token === other.token && one.failure?.isFinal === other.failure?.isFinal &&
    one.scopes.join(" ") === other.scopes.join(" ");
}

/** The texts of a grant that no log line may show. */
export function secretsOf(
  { token, refreshToken, clientSecret, proofKey }: Grant,
): readonly string[] {
  return [token, refreshToken, clientSecret, proofKey?.["d"]]
    .filter((text) => typeof text === "string");
}

function createKept(server: string, url: string, principal: string): KeptGrant {
  return {
    server,
    url,
    principal,
    loading: undefined,
    stored: undefined,
    isUnreadable: false,
    isRefused: false,
    renewedAt: -Infinity,
    refreshing: undefined,
    renewing: undefined,
    failed: undefined,
    needs: new Map(),
    logins: [],
  };
}
