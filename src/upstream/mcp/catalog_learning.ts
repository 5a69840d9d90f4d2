/**
 * What is known of one server without its connections, and the start that finds it out. There is one such
 * start at a time, for a session or for no client (a trial). It goes on when its session ends, and is
 * logged in one line. Not here: what each scope hears of it (stored_catalog.ts).
 */
import { GatewayError } from "../../errors.ts";
import type { Caller } from "../../model.ts";
import { describeCatalog } from "../catalog/catalog_line.ts";
import type { CatalogKeys } from "./catalog_key.ts";
import type { Catalog, UpstreamDeps } from "../deps.ts";
import type { Connection } from "./connection.ts";
import type { ConnectionPool } from "./pool.ts";
import { trialCallerOf, trialScope } from "./trial_caller.ts";

/** A start that fills the catalog. */
export interface LearningStart {
  readonly scope: string;
  /** Resolves when it leaves the queue of starts. */
  readonly begun: Promise<void>;
  /** Resolves when it is over, well or not. */
  readonly over: Promise<void>;
}

/** What is known, and how more is found out. */
export interface CatalogLearning {
  /** The catalog for callers like this one. */
  own(caller: Caller): Promise<Catalog | undefined>;
  /** The catalog of the most similar client. */
  nearest(caller: Caller): Promise<Catalog | undefined>;
  /**
   * Whether a connection of this run has given this catalog, and no connection has said since that its lists
   * changed: another one may be out of date.
   */
  isCurrent(catalog: Catalog): boolean;
  /** A connection said that its lists changed: those of others may have. */
  doubt(): void;
  /** The catalog that came last. */
  latest(): Catalog | undefined;
  underWay(): LearningStart | undefined;
  /** Lets the connection of a caller, started if there is none, fill the catalog. */
  start(caller: Caller): LearningStart;
  /** The whole catalog of a connection that came up, fetched and stored once. */
  learn(connection: Connection, caller: Caller): Promise<Catalog>;
  /** The lists of the trial's connection have changed. */
  relearnSoon(connection: Connection): void;
  trial(): Promise<void>;
  endTrial(): Promise<void>;
  close(): void;
}

/** What learning needs. */
export interface CatalogLearningOptions {
  readonly server: string;
  readonly deps: UpstreamDeps;
  readonly pool: ConnectionPool;
  readonly keys: CatalogKeys;
  /** Whether the server lives on without us: it is a remote one. */
  readonly isRemote: boolean;
  /** How long a server that could not be reached is left alone; undefined: it is not tried by itself. */
  readonly awayMs: () => number | undefined;
  /** A catalog has come. */
  readonly learned: (catalog: Catalog) => void;
  /** The one that the trial's connection gave first is out of date. */
  readonly relearned: (before: Catalog, catalog: Catalog) => void;
}

/** Makes the knowledge of a server: what the store has. */
export function createCatalogLearning(options: CatalogLearningOptions): CatalogLearning {
  const { server, deps, pool, keys } = options;
  const { clock, limits, log } = deps;
  const trialCaller = trialCallerOf(options.isRemote ? "remote" : "program");
  const stored = new Map<string, Promise<Catalog | undefined>>();
  const learnt = new Map<string, Catalog>();
  const fetched = new WeakMap<Connection, Promise<Catalog>>();
  let confirmed = new WeakSet<Catalog>();
  let doubts = 0;
  let current: LearningStart | undefined;
  let latest: Catalog | undefined;
  let isClosed = false;
  /** Whether the last start found no place, which is said once. */
  let isPutOff = false;
  let cancelRetry = (): void => {};
  let cancelRelearn: (() => void) | undefined;

  const keep = (key: string, catalog: Promise<Catalog | undefined>): void => {
    stored.set(key, catalog);
    for (const oldest of stored.keys()) {
      if (stored.size <= limits.catalogsPerServerMax) break;
      stored.delete(oldest);
      learnt.delete(oldest);
    }
  };
  const load = (key: string): Promise<Catalog | undefined> => {
    const kept = stored.get(key);
    if (kept !== undefined) return kept;
    const loading = deps.catalogs.load(key).catch(() => undefined);
    keep(key, loading);
    return loading;
  };

  const learn: CatalogLearning["learn"] = (connection, caller) => {
    const known = fetched.get(connection);
    if (known !== undefined) return known;
    const work = async (): Promise<Catalog> => {
      const doubtsBefore = doubts;
      const [key, lists] = await Promise.all([
        keys.of(caller, connection.dialect),
        connection.lists.all(),
      ]);
      const catalog: Catalog = { description: connection.description, lists };
      const before = await load(key);
      const same = JSON.stringify(before) === JSON.stringify(catalog);
      const now = same && before !== undefined ? before : catalog;
      keep(key, Promise.resolve(now));
      learnt.set(key, now);
      if (doubts === doubtsBefore) confirmed.add(now);
      latest = now;
      if (!same) await deps.catalogs.save(key, server, now);
      options.learned(now);
      return now;
    };
    const learned = work();
    fetched.set(connection, learned);
    return learned;
  };

  const own: CatalogLearning["own"] = async (caller) => {
    for (const key of await keys.all(caller)) {
      const catalog = await load(key);
      if (catalog !== undefined) return catalog;
    }
    return undefined;
  };
  const nearest: CatalogLearning["nearest"] = async (caller) => {
    // One that is too large for the store is known as long as the gateway runs.
    const candidates = [...learnt.keys(), ...await deps.catalogs.keys(server)];
    const key = await keys.nearest(caller, candidates);
    return key === undefined ? undefined : await load(key);
  };

  /** Tries again after failures that pass by themselves: no place was free, or the server is away. */
  const retryLater = (error: unknown): void => {
    const isFull = error instanceof GatewayError && error.code === "overloaded";
    const waitMs = isFull ? 0 : options.awayMs();
    if (isFull && !isPutOff) {
      log.warn(`Server "${server}" is tried again later`, { reason: error.message });
    }
    isPutOff = isFull;
    if (isClosed || waitMs === undefined) return;
    cancelRetry();
    cancelRetry = clock.after(Math.max(waitMs, limits.trialRetryMs), () => void trial());
  };

  const start: CatalogLearning["start"] = (caller) => {
    if (current !== undefined) return current;
    const starting = pool.get(caller);
    const begun = pool.begun(caller);
    const work = async (): Promise<void> => {
      await begun;
      const since = clock.monotonic();
      const catalog = await learn(await starting, caller);
      isPutOff = false;
      log.info(describeCatalog(server, catalog, clock.monotonic() - since));
    };
    const over = work().catch(retryLater).finally(() => {
      current = undefined;
      pool.releaseEnded(caller.scope);
    });
    return current = { scope: caller.scope, begun, over };
  };

  const attempt = async (): Promise<void> => {
    if (isClosed || await nearest(trialCaller) !== undefined) return;
    await start(trialCaller).over;
  };
  let running: Promise<void> | undefined;
  const trial: CatalogLearning["trial"] = () =>
    running ??= attempt().finally(() => void (running = undefined));

  return {
    own,
    nearest,
    isCurrent: (catalog) => confirmed.has(catalog),
    doubt() {
      doubts++;
      confirmed = new WeakSet();
    },
    latest: () => latest,
    underWay: () => current,
    start,
    learn,
    relearnSoon(connection) {
      cancelRelearn ??= clock.after(limits.listFreshMsMin, () => {
        cancelRelearn = undefined;
        const before = fetched.get(connection);
        fetched.delete(connection);
        Promise.all([before, learn(connection, trialCaller)]).then(
          ([old, now]) => old !== undefined && options.relearned(old, now),
          (error) => log.warn("Cannot read the lists of the server", { error: String(error) }),
        );
      });
    },
    trial,
    async endTrial() {
      if (current?.scope === trialScope) await current.over;
      await pool.stopTrial();
    },
    close() {
      isClosed = true;
      cancelRetry();
      cancelRelearn?.();
    },
  };
}
