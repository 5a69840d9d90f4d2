/**
 * What one upstream says of itself, from the cheapest source that has it: the scope's running
 * connection, the stored catalog of its kind of client, that of the most similar one, or a start.
 * One process is started to learn what is not known yet, however many scopes ask. Remembers what
 * each scope was told, and sends `list_changed` when its connection, or a better catalog, says
 * otherwise. Not here: how a connection fetches its lists (lists.ts), what a start teaches
 * (catalog_learning.ts).
 */
import { offersList } from "../../extensions.ts";
import {
  type Caller,
  type Description,
  type JsonObject,
  type ListKind,
  listKindNames,
} from "../../model.ts";
import type { Catalog, UpstreamDeps } from "../deps.ts";
import type { Watchers } from "../watchers.ts";
import type { CatalogKeys } from "./catalog_key.ts";
import { type CatalogLearning, createCatalogLearning } from "./catalog_learning.ts";
import {
  type CatalogSource,
  type CatalogView,
  lateness,
  type ListSource,
  viewFor,
  type ViewOptions,
} from "./catalog_view.ts";
import type { Connection } from "./connection.ts";
import { ownerOf, type PoolKey, servedScopes } from "./pool_key.ts";
import { announceLists, createToldCatalogs, type ToldCatalogs } from "./told_catalogs.ts";
import { trialScope } from "./trial_caller.ts";

/** Answers what a server says of itself. */
export interface StoredCatalog {
  describe(caller: Caller): Promise<Description>;
  list(kind: ListKind, caller: Caller, source?: ListSource): Promise<readonly JsonObject[]>;
  /** A connection is up: compares its lists with what its scopes were told. */
  connectionReady(key: PoolKey, connection: Connection, caller: Caller): void;
  /** A connection said that lists changed. */
  listsChanged(key: PoolKey, kinds: readonly ListKind[]): void;
  /** A connection died: its scopes must be told of what the next one has. */
  connectionDied(key: PoolKey): void;
  /** A start failed: the server is started again without a call, where that may help. */
  startFailed(): void;
  /** Starts the caller's connection when there is room and it was not tried yet. */
  warm(caller: Caller): void;
  /**
   * Starts the server once when nothing is stored of it, or in any case (`again`); resolves when that
   * is over, well or not.
   */
  trial(again?: "again"): Promise<void>;
  /** Waits until a trial that is under way has taught what it can, then ends its connection. */
  endTrial(): Promise<void>;
  /** Whether a start for this scope is to fill the catalog, and so goes on without the scope. */
  isLearningFor(scope: string): boolean;
  /** What the server said last of itself, as far as is known. */
  latest(): Catalog | undefined;
  forget(scope: string): void;
  /**
   * Principals logged in, or one did: what its clients were told is out of date. Their lists are
   * fetched, and they hear what changed.
   */
  granted(principal: string | undefined): void;
  /** Log-ins ended: forgets what servers listed for them. */
  revoked(principal: string | undefined): void;
  close(): void;
}

/** What a catalog works with. */
export interface StoredCatalogOptions extends ViewOptions {
  readonly deps: UpstreamDeps;
  readonly watchers: Watchers;
  readonly keys: CatalogKeys;
  /**
   * Whether a server without a scope's process may have news that only its own connection hears.
   */
  readonly isRemote: boolean;
  /** How long until a server that failed to start is started without a call; undefined: never. */
  readonly retryMs: () => number | undefined;
}

/** The state of one catalog. */
interface CatalogState {
  readonly options: StoredCatalogOptions;
  readonly told: ToldCatalogs;
  readonly warmed: Set<string>;
  readonly learning: CatalogLearning;
}

/** Makes a catalog. */
export function createStoredCatalog(options: StoredCatalogOptions): StoredCatalog {
  const { pool, keys, watchers } = options;
  const told = createToldCatalogs({ ...options, hasEnded: pool.hasEnded });
  const learning = createCatalogLearning({
    ...options,
    // Scopes that were sent away without an answer hear that there is one now.
    learned(catalog, caller) {
      const readers = keys.isPerPrincipal
        ? new Set(watchers.scopes(caller.principal.id))
        : undefined;
      const isServed = (scope: string) =>
        readers?.has(scope) === false || pool.serving(scope).length > 0;
      told.learned(catalog, isServed);
    },
    relearned: told.replaced,
  });
  const state: CatalogState = { options, told, warmed: new Set(), learning };
  return {
    describe: async (caller) =>
      (await answer(state, caller, "any", async (from) => from.description))[0],
    async list(kind, caller, source = "nearest") {
      const [items, from] = await answer(state, caller, source, (from) => from.list(kind));
      // Another client's lists may differ, a server may be newer than its stored lists, a remote one
      // may have news, and no server says that its skills changed.
      const mayBeOld = kind === "skills" && from.catalog !== undefined &&
        offersList(from.description.capabilities, kind);
      if (!from.isSure || options.isRemote || mayBeOld) warm(state, caller);
      return items;
    },
    connectionReady: (key, connection, caller) => connectionReady(state, key, connection, caller),
    listsChanged: (key, kinds) => listsChanged(state, key, kinds),
    connectionDied(key) {
      for (const scope of servedScopes(options.watchers, key)) told.outdate(scope);
    },
    forget(scope) {
      told.forget(scope);
      state.warmed.delete(scope);
    },
    warm: (caller) => warm(state, caller),
    startFailed: learning.startFailed,
    trial: learning.trial,
    endTrial: learning.endTrial,
    isLearningFor: (scope) => learning.underWay()?.scope === scope,
    latest: learning.latest,
    granted: (principal) => granted(state, principal),
    revoked: (principal) => revoked(state, principal),
    close() {
      learning.close();
    },
  };
}

async function answer<T>(
  state: CatalogState,
  caller: Caller,
  source: CatalogSource,
  read: (from: CatalogView) => Promise<T>,
): Promise<[T, CatalogView]> {
  const { options, learning, told } = state;
  const over = new AbortController();
  const begun = Promise.withResolvers<void>();
  const late = lateness(options, begun.promise, over.signal);
  late.catch(() => {});
  const work = viewFor(options, learning, { caller, source }, begun.resolve)
    .then(async (from): Promise<[T, CatalogView]> => [await read(from), from]);
  try {
    const [value, from] = await Promise.race([work, late]);
    if (from.catalog !== undefined) told.told(caller, from.catalog);
    return [value, from];
  } catch (thrown) {
    told.toldNothing(caller);
    work.then(([, { catalog }]) => {
      // The caller's own connection speaks for itself.
      if (catalog !== undefined) told.answeredLate(caller, catalog);
    }, () => {});
    throw thrown;
  } finally {
    // With a reason, `abort` does not make an exception with a stack.
    over.abort("over");
  }
}

function connectionReady(
  state: CatalogState,
  key: PoolKey,
  connection: Connection,
  caller: Caller,
): void {
  const { learning, told, options: { pool, watchers, deps } } = state;
  const { extensions } = caller;
  // The lists of a process that a principal's clients share are the same for all of them.
  const readers = () =>
    key.principal !== undefined && connection.dialect.clientContext === "handshake"
      ? watchers.callers(key.principal)
      : servedScopes(watchers, key).map((scope) => ({ scope, extensions }));
  learning.learn(connection, caller).then(
    (catalog) => {
      for (const reader of readers()) told.connected(reader, catalog);
    },
    (error) => {
      // One that was stopped meanwhile, since its client left, has no fault.
      if (pool.of(key) !== connection) return;
      deps.log.warn("Cannot read the lists of the server", { error: String(error) });
    },
  );
}

function listsChanged(state: CatalogState, key: PoolKey, kinds: readonly ListKind[]): void {
  const { learning, options: { pool, watchers } } = state;
  const connection = pool.of(key);
  for (const kind of kinds) connection?.lists.forget(kind);
  learning.doubt();
  if (connection !== undefined && key.scope === trialScope) learning.relearnSoon(connection);
  if (key.principal === undefined) announceLists(watchers, key.scope, kinds);
  else for (const scope of servedScopes(watchers, key)) announceLists(watchers, scope, kinds);
}

const warmIdOf = (key: PoolKey, { scope }: Caller): string =>
  key.principal === undefined ? key.scope ?? key.id : scope;

function warm({ options: { pool, mayWarm }, warmed }: CatalogState, caller: Caller): void {
  const key = pool.keyOf(caller);
  const id = warmIdOf(key, caller);
  if (warmed.has(id) || pool.hasEnded(caller.scope)) return;
  if (pool.has(caller) || !mayWarm(ownerOf(key))) return;
  warmed.add(id);
  pool.get(caller).catch(() => {});
}

function granted(
  { options: { pool, watchers }, warmed, learning, told }: CatalogState,
  principal: string | undefined,
): void {
  const callers = watchers.callers(principal);
  for (const caller of callers) {
    warmed.delete(warmIdOf(pool.keyOf(caller), caller));
    told.outdate(caller.scope);
  }
  const newest = callers.at(-1);
  // One connection tells all clients who got no list that there is one now.
  if (principal === undefined) void learning.trial("again");
  else if (newest !== undefined) pool.get(newest).catch(() => {});
}

function revoked(state: CatalogState, principal: string | undefined): void {
  const { options: { watchers, deps }, told, learning } = state;
  learning.forget(principal).then(() => {
    for (const scope of watchers.scopes(principal)) {
      told.outdate(scope);
      announceLists(watchers, scope, listKindNames);
    }
  }, (error) => deps.log.error("Cannot forget the lists of the server", { error: String(error) }));
}
