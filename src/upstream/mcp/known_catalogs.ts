/**
 * The catalogs of one server that this run has learnt or the store may have: by key, a bounded
 * number in memory, with how far each can be relied on. Not here: the start that learns one
 * (catalog_learning.ts).
 */
import type { Caller } from "../../model.ts";
import type { Catalog, UpstreamDeps } from "../deps.ts";
import type { CatalogKeys } from "./catalog_key.ts";
import type { PinnedLists } from "./pinned_lists.ts";

/** The catalogs of one server. */
export interface KnownCatalogs {
  readonly server: string;
  readonly deps: Pick<UpstreamDeps, "catalogs" | "limits">;
  readonly keys: CatalogKeys;
  readonly pins: PinnedLists;
  /** Loaded from the store, or given by a connection. */
  readonly stored: Map<string, Promise<Catalog | undefined>>;
  /** Given by a connection of this run. */
  readonly learnt: Map<string, Catalog>;
  /** Given by a connection, and not doubted since. */
  confirmed: WeakSet<Catalog>;
  /** How often a connection has said that its lists changed. */
  doubts: number;
  latest: Catalog | undefined;
}

/** The catalog of another client. */
export interface NearestCatalog {
  readonly catalog: Catalog;
  /** Whether the server got the same extensions from that client. */
  readonly hasSameExtensions: boolean;
}

/** Knows what the store has. */
export function createKnownCatalogs(
  { server, deps, keys, pins }: Pick<KnownCatalogs, "server" | "deps" | "keys" | "pins">,
): KnownCatalogs {
  return {
    server,
    deps,
    keys,
    pins,
    stored: new Map(),
    learnt: new Map(),
    confirmed: new WeakSet(),
    doubts: 0,
    latest: undefined,
  };
}

/** The catalog for callers like this one. */
export async function ownCatalog(
  known: KnownCatalogs,
  caller: Caller,
): Promise<Catalog | undefined> {
  for (const key of await known.keys.all(caller)) {
    const catalog = await load(known, key);
    if (catalog !== undefined) return catalog;
  }
  return undefined;
}

/** The catalog of the most similar client, if any is known. */
export async function nearestCatalog(
  known: KnownCatalogs,
  caller: Caller,
): Promise<NearestCatalog | undefined> {
  const { server, deps, keys, learnt } = known;
  // One that is too large for the store is known as long as the gateway runs.
  const candidates = [...learnt.keys(), ...await deps.catalogs.keys(server)];
  const nearest = await keys.nearest(caller, candidates);
  const catalog = nearest === undefined ? undefined : await load(known, nearest.key);
  if (nearest === undefined || catalog === undefined) return undefined;
  return { catalog, hasSameExtensions: nearest.hasSameExtensions };
}

/**
 * Keeps what a connection gave, in memory and in the store; gives the one that was known where it
 * is the same. `doubtsBefore` is how many doubts there were when the connection was asked.
 */
export async function keepCatalog(
  known: KnownCatalogs,
  key: string,
  catalog: Catalog,
  doubtsBefore: number,
): Promise<Catalog> {
  const before = await load(known, key);
  const isSame = JSON.stringify(before) === JSON.stringify(catalog);
  const now = isSame && before !== undefined ? before : catalog;
  keep(known, key, Promise.resolve(now));
  known.learnt.set(key, now);
  if (known.doubts === doubtsBefore) known.confirmed.add(now);
  known.latest = now;
  if (!isSame) await known.deps.catalogs.save(key, known.server, now);
  return now;
}

/** A connection said that its lists changed: those of others may have. */
export function doubtAll(known: KnownCatalogs): void {
  known.doubts += 1;
  known.confirmed = new WeakSet();
}

/** Forgets what is known, in memory and in the store: of one principal, or of all. */
export async function forgetCatalogs(
  known: KnownCatalogs,
  principal: string | undefined,
): Promise<void> {
  const { server, deps, keys, stored, learnt } = known;
  const forget = async (candidates: readonly string[]): Promise<readonly string[]> => {
    const owned = await keys.owned(principal, candidates);
    for (const key of owned) {
      stored.delete(key);
      learnt.delete(key);
    }
    return owned;
  };
  await forget([...stored.keys()]);
  const inStore = await keys.owned(principal, await deps.catalogs.keys(server));
  await deps.catalogs.remove(inStore);
  // What a look-up has loaded meanwhile.
  await forget([...stored.keys()]);
  known.latest = undefined;
}

function load(known: KnownCatalogs, key: string): Promise<Catalog | undefined> {
  const kept = known.stored.get(key);
  if (kept !== undefined) return kept;
  const loading = loadPinned(known, key).catch(() => undefined);
  keep(known, key, loading);
  return loading;
}

/** A stored catalog, unless nothing tells which of its tools are offered. */
async function loadPinned(
  { deps: { catalogs }, pins }: KnownCatalogs,
  key: string,
): Promise<Catalog | undefined> {
  const catalog = await catalogs.load(key);
  if (catalog === undefined) return undefined;
  return await pins.recall(catalog.lists.tools, key) ? catalog : undefined;
}

function keep(
  { stored, learnt, deps: { limits } }: KnownCatalogs,
  key: string,
  catalog: Promise<Catalog | undefined>,
): void {
  stored.set(key, catalog);
  for (const oldest of stored.keys()) {
    if (stored.size <= limits.catalogsPerServerMax) break;
    stored.delete(oldest);
    learnt.delete(oldest);
  }
}
