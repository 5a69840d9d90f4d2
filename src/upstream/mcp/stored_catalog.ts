/**
 * What one upstream says of itself, from the cheapest source that has it: the scope's running connection,
 * the stored catalog of its kind of client, that of the most similar one, or a start. One process is
 * started to learn what is not known yet, however many scopes ask. Remembers what each scope was
 * told, and sends `list_changed` when its connection, or a better catalog, says otherwise. Not here: how a
 * connection fetches its lists (lists.ts), what a start teaches (catalog_learning.ts).
 */
import { sleep } from "../../clock.ts";
import { GatewayError } from "../../errors.ts";
import {
  type Caller,
  type Description,
  type JsonObject,
  type ListKind,
  listKindNames,
} from "../../model.ts";
import type { CatalogKeys } from "./catalog_key.ts";
import { createChangeNotices } from "./change_notices.ts";
import type { Catalog, UpstreamDeps } from "../deps.ts";
import type { Connection } from "./connection.ts";
import { kindsOf } from "./lists.ts";
import type { PoolKey } from "./pool_key.ts";
import type { ConnectionPool } from "./pool.ts";
import { createCatalogLearning } from "./catalog_learning.ts";
import { trialScope } from "./trial_caller.ts";
import type { Watchers } from "../watchers.ts";

/** Which lists will do: any of the server's, or only those made for a client like the caller. */
export type ListSource = "nearest" | "own";

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
  /** Starts the caller's connection when there is room and it was not tried yet. */
  warm(caller: Caller): void;
  /** Starts the server once when nothing is stored of it; resolves when that is over, well or not. */
  trial(): Promise<void>;
  /** Waits until a trial that is under way has taught what it can, then ends its connection. */
  endTrial(): Promise<void>;
  /** Whether a start for this scope is to fill the catalog, and so goes on without the scope. */
  isLearningFor(scope: string): boolean;
  /** How many tools the server has, as far as is known. */
  toolCount(): number | undefined;
  forget(scope: string): void;
  close(): void;
}

/** What a catalog works with. */
export interface StoredCatalogOptions {
  readonly server: string;
  readonly startTimeoutMs: number;
  readonly deps: UpstreamDeps;
  readonly pool: ConnectionPool;
  readonly watchers: Watchers;
  readonly keys: CatalogKeys;
  /** Whether a server without a scope's process may have news that only its own connection hears. */
  readonly isRemote: boolean;
  /** Whether a start that nobody waits for makes sense now. */
  readonly mayWarm: (scope: PoolKey["scope"]) => boolean;
  /** Why the last start failed, while none went well since. */
  readonly problem: () => string | undefined;
  /** How long a server that could not be reached is left alone; undefined: it is not tried by itself. */
  readonly awayMs: () => number | undefined;
}

/** Where an answer comes from; `catalog` when it is a stored one. */
interface View {
  readonly description: Description;
  list(kind: ListKind): Promise<readonly JsonObject[]>;
  readonly catalog?: Catalog;
  /** Whether its lists are known to be what the caller's own connection would give now. */
  readonly isSure: boolean;
}

/** Called for the start that an answer waits for; `begun` resolves when the start leaves the queue. */
type OnStart = (begun: Promise<void>) => void;

/** A scope got no answer, or one of a connection that is gone: whatever comes is news to it. */
const nothing = Symbol("nothing");

/** Makes a catalog. */
export function createStoredCatalog(options: StoredCatalogOptions): StoredCatalog {
  const { server, deps, pool, watchers } = options;
  const { clock, limits, log } = deps;
  const told = new Map<string, Catalog | typeof nothing>();
  const warmed = new Set<string>();
  const changes = createChangeNotices(options);
  const learning = createCatalogLearning({
    ...options,
    // Scopes that were sent away without an answer hear that there is one now.
    learned(catalog) {
      for (const [scope, what] of told) {
        if (what !== nothing || pool.serving(scope).length > 0) continue;
        settle(scope, catalog, catalog);
      }
    },
    relearned(before, catalog) {
      for (const [scope, what] of told) if (what === before) settle(scope, catalog, catalog);
    },
  });

  /** What is under way for a scope may end later than the scope, which is forgotten by then. */
  const remember = (scope: string, what: Catalog | typeof nothing): void => {
    if (!pool.hasEnded(scope)) told.set(scope, what);
  };

  const view = async (caller: Caller, source: ListSource, onStart: OnStart): Promise<View> => {
    for (;;) {
      const running = pool.running(caller);
      if (running !== undefined) return viewOfConnection(running);
      const own = await learning.own(caller);
      if (own !== undefined) return viewOfCatalog(own, learning.isCurrent(own));
      const nearest = source === "own" ? undefined : await learning.nearest(caller);
      if (nearest !== undefined) return viewOfCatalog(nearest, false);
      const other = learning.underWay();
      if (pool.has(caller) || source === "own" || other === undefined) {
        const started = pool.get(caller);
        onStart(pool.begun(caller));
        if (source !== "own" && other === undefined) learning.start(caller);
        return viewOfConnection(await started);
      }
      // Another start is about to tell; when it does not, the next one tries.
      onStart(other.begun);
      await other.over;
    }
  };

  /** Rejects when the start that an answer waits for has used up its time, counted from its own begin. */
  const lateness = async (begun: Promise<void>, over: AbortSignal): Promise<never> => {
    const problem = options.problem();
    await begun;
    await sleep(clock, problem === undefined ? options.startTimeoutMs : limits.listMs, over);
    throw problem === undefined
      ? new GatewayError(
        "upstream_late",
        `Cannot list what server "${server}" offers yet: it is still starting; retry later`,
        { data: { server, retryAfterMs: limits.trialRetryMs } },
      )
      : new GatewayError(
        "upstream_unavailable",
        `Cannot start server "${server}": ${problem}; it is being started again`,
        { data: { server, retryAfterMs: limits.trialRetryMs } },
      );
  };

  const answer = async <T>(
    caller: Caller,
    source: ListSource,
    read: (from: View) => Promise<T>,
  ): Promise<[T, View]> => {
    const { scope } = caller;
    const over = new AbortController();
    const begun = Promise.withResolvers<void>();
    const late = lateness(begun.promise, over.signal);
    late.catch(() => {});
    const work = view(caller, source, begun.resolve)
      .then(async (from): Promise<[T, View]> => [await read(from), from]);
    try {
      const [value, from] = await Promise.race([work, late]);
      if (from.catalog !== undefined) remember(scope, from.catalog);
      return [value, from];
    } catch (thrown) {
      remember(scope, nothing);
      work.then(([, from]) => settleLate(scope, from), () => {});
      throw thrown;
    } finally {
      over.abort();
    }
  };

  /** An answer came after its caller had been sent away; its own connection speaks for itself. */
  const settleLate = (scope: string, from: View): void => {
    if (from.catalog === undefined || told.get(scope) !== nothing) return;
    told.set(scope, from.catalog);
    changes.send(scope, kindsOf(from.description));
  };

  const warm = (caller: Caller): void => {
    const key = pool.keyOf(caller);
    const id = key.scope ?? key.id;
    if (warmed.has(id) || pool.hasEnded(caller.scope)) return;
    if (pool.has(caller) || !options.mayWarm(key.scope)) return;
    warmed.add(id);
    pool.get(caller).catch(() => {});
  };

  /** The scopes that a connection serves, as far as they can be told anything. */
  const scopesOf = ({ scope }: PoolKey) => scope === undefined ? watchers.scopes() : [scope];

  /** Tells a scope what is different in `catalog`, and remembers `next` as what it was told. */
  const settle = (scope: string, catalog: Catalog, next?: Catalog): void => {
    const before = told.get(scope);
    if (before === undefined) return;
    if (next === undefined) told.delete(scope);
    else told.set(scope, next);
    const kinds = before === nothing
      ? kindsOf(catalog.description)
      : listKindNames.filter((kind) => !isSame(before.lists[kind], catalog.lists[kind]));
    changes.send(scope, kinds);
  };

  return {
    describe: async (caller) =>
      (await answer(caller, "nearest", async (from) => from.description))[0],
    async list(kind, caller, source = "nearest") {
      const [items, from] = await answer(caller, source, (from) => from.list(kind));
      // Another client's lists may differ, a server may be newer than its stored lists, and a remote
      // one may have news.
      if (!from.isSure || options.isRemote) warm(caller);
      return items;
    },
    connectionReady(key, connection, caller) {
      learning.learn(connection, caller).then(
        (catalog) => scopesOf(key).forEach((scope) => settle(scope, catalog)),
        (error) => {
          // One that was stopped meanwhile, since its client left, has no fault.
          if (pool.of(key) !== connection) return;
          log.warn("Cannot read the lists of the server", { error: String(error) });
        },
      );
    },
    listsChanged(key, kinds) {
      const connection = pool.of(key);
      for (const kind of kinds) connection?.lists.forget(kind);
      learning.doubt();
      if (connection !== undefined && key.scope === trialScope) learning.relearnSoon(connection);
      for (const scope of scopesOf(key)) changes.sendSoon(scope, kinds);
    },
    connectionDied(key) {
      for (const scope of scopesOf(key)) remember(scope, nothing);
    },
    forget(scope) {
      told.delete(scope);
      warmed.delete(scope);
      changes.forget(scope);
    },
    warm,
    trial: learning.trial,
    endTrial: learning.endTrial,
    isLearningFor: (scope) => learning.underWay()?.scope === scope,
    toolCount: () => learning.latest()?.lists.tools.length,
    close() {
      learning.close();
      changes.close();
    },
  };
}

function viewOfConnection(connection: Connection): View {
  return { description: connection.description, list: connection.lists.get, isSure: true };
}

function viewOfCatalog(catalog: Catalog, isSure: boolean): View {
  return {
    description: catalog.description,
    list: async (kind) => catalog.lists[kind],
    catalog,
    isSure,
  };
}

function isSame(left: unknown, right: unknown): boolean {
  return JSON.stringify(left) === JSON.stringify(right);
}
