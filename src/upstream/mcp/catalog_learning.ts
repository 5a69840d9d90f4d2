/**
 * What is known of one server without its connections, and the start that finds it out. There is
 * one such start at a time, for a session or for no client (a trial). It goes on when its session
 * ends, and is logged in one line. Not here: what each scope sees of it (stored_catalog.ts).
 */
import { GatewayError } from "../../errors.ts";
import type { Caller } from "../../model.ts";
import { describeCatalog } from "../catalog/catalog_line.ts";
import type { CatalogKeys } from "./catalog_key.ts";
import type { Catalog, UpstreamDeps } from "../deps.ts";
import type { Connection } from "./connection.ts";
import {
  createKnownCatalogs,
  doubtAll,
  forgetCatalogs,
  keepCatalog,
  type KnownCatalogs,
  type NearestCatalog,
  nearestCatalog,
  ownCatalog,
} from "./known_catalogs.ts";
import type { ServerLists } from "./lists.ts";
import type { PinnedLists } from "./pinned_lists.ts";
import type { ConnectionPool } from "./pool.ts";
import { trialCallerOf, trialScope } from "./trial_caller.ts";

/** A start that fills the catalog. */
export interface LearningStart {
  readonly scope: string;
  /** The id of the principal for which the connection is opened. */
  readonly principal: string;
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
  nearest(caller: Caller): Promise<NearestCatalog | undefined>;
  /**
   * Whether a connection of this run has given this catalog, and no connection has said since that
   * its lists changed: another one may be out of date.
   */
  isCurrent(catalog: Catalog): boolean;
  /** A connection said that its lists changed: those of others may have. */
  doubt(): void;
  /** The catalog that came last. */
  latest(): Catalog | undefined;
  /** The start that is under way; with a caller, only one whose catalog may answer it. */
  underWay(caller?: Caller): LearningStart | undefined;
  /** Lets the connection of a caller, started if there is none, fill the catalog. */
  start(caller: Caller): LearningStart;
  /** The whole catalog of a connection that came up, fetched and stored once. */
  learn(connection: Connection, caller: Caller): Promise<Catalog>;
  /** The lists of the trial's connection have changed. */
  relearnSoon(connection: Connection): void;
  /** `again`: also if the server is known. */
  trial(again?: "again"): Promise<void>;
  /** A start failed: the server is tried again when its backoff allows it. */
  startFailed(): void;
  endTrial(): Promise<void>;
  /** Forgets the catalogs of a principal; without one, or where all share them, all. */
  forget(principal: string | undefined): Promise<void>;
  close(): void;
}

/** What learning needs. */
export interface CatalogLearningOptions {
  readonly server: string;
  readonly deps: UpstreamDeps;
  readonly pool: ConnectionPool;
  readonly keys: CatalogKeys;
  readonly pins: PinnedLists;
  /** Whether the server lives on without us: it is a remote one. */
  readonly isRemote: boolean;
  /** How long until a server that failed to start is started without a call; undefined: never. */
  readonly retryMs: () => number | undefined;
  /** A catalog has come, on the connection of this caller. */
  readonly learned: (catalog: Catalog, caller: Caller) => void;
  /** The one that the trial's connection gave first is out of date. */
  readonly relearned: (before: Catalog, catalog: Catalog) => void;
}

/** The state of one server's learning. */
interface Learning {
  readonly options: CatalogLearningOptions;
  readonly known: KnownCatalogs;
  /** On whose behalf the server is tried. */
  readonly trialCaller: Caller;
  /** What connections gave, by the lists of each variant. */
  readonly fetched: WeakMap<ServerLists, Promise<Catalog>>;
  current: LearningStart | undefined;
  trial: Promise<void> | undefined;
  isClosed: boolean;
  /** Whether the last start found no place, which is said once. */
  isPutOff: boolean;
  cancelRetry: () => void;
  cancelRelearn: (() => void) | undefined;
}

/** Makes the knowledge of a server: what the store has. */
export function createCatalogLearning(options: CatalogLearningOptions): CatalogLearning {
  const known = createKnownCatalogs(options);
  const learning: Learning = {
    options,
    known,
    trialCaller: trialCallerOf(options.isRemote ? "remote" : "program"),
    fetched: new WeakMap(),
    current: undefined,
    trial: undefined,
    isClosed: false,
    isPutOff: false,
    cancelRetry: () => {},
    cancelRelearn: undefined,
  };
  return {
    own: (caller) => ownCatalog(known, caller),
    nearest: (caller) => nearestCatalog(known, caller),
    isCurrent: (catalog) => known.confirmed.has(catalog),
    doubt: () => doubtAll(known),
    latest: () => known.latest,
    underWay: (caller) => caller === undefined ? learning.current : teaches(learning, caller),
    start: (caller) => start(learning, caller),
    learn: (connection, caller) => learn(learning, connection, caller),
    relearnSoon: (connection) => relearnSoon(learning, connection),
    trial: (again) => trial(learning, again),
    startFailed: () => retryWhenDue(learning),
    async endTrial() {
      if (learning.current?.scope === trialScope) await learning.current.over;
      await options.pool.stopTrial();
    },
    forget: (principal) => forgetCatalogs(known, principal),
    close() {
      learning.isClosed = true;
      learning.cancelRetry();
      learning.cancelRelearn?.();
    },
  };
}

/** The start that is under way, if its catalog may answer a caller. */
function teaches(
  { current, options: { keys } }: Learning,
  { principal }: Caller,
): LearningStart | undefined {
  return keys.isPerPrincipal && current?.principal !== principal.id ? undefined : current;
}

function learn(learning: Learning, connection: Connection, caller: Caller): Promise<Catalog> {
  const { fetched } = learning;
  const lists = connection.lists.of(caller);
  const known = fetched.get(lists);
  if (known !== undefined) return known;
  const learned = fetchCatalog(learning, connection, caller);
  fetched.set(lists, learned);
  return learned;
}

async function fetchCatalog(
  { options, known }: Learning,
  connection: Connection,
  caller: Caller,
): Promise<Catalog> {
  const doubtsBefore = known.doubts;
  const [key, lists] = await Promise.all([
    options.keys.of(caller, connection.dialect),
    connection.lists.of(caller).all(),
  ]);
  const catalog: Catalog = { description: connection.description, lists };
  const now = await keepCatalog(known, key, catalog, doubtsBefore);
  options.learned(now, caller);
  options.deps.emit({ type: "catalog_learned", server: options.server });
  return now;
}

function relearnSoon(learning: Learning, connection: Connection): void {
  const { fetched, trialCaller, options: { deps: { clock, limits, log }, relearned } } = learning;
  learning.cancelRelearn ??= clock.after(limits.listFreshMsMin, () => {
    learning.cancelRelearn = undefined;
    const lists = connection.lists.of(trialCaller);
    const before = fetched.get(lists);
    fetched.delete(lists);
    Promise.all([before, learn(learning, connection, trialCaller)]).then(
      ([old, now]) => old !== undefined && relearned(old, now),
      (error) => log.warn("Cannot read the lists of the server", { error: String(error) }),
    );
  });
}

function start(learning: Learning, caller: Caller): LearningStart {
  if (learning.current !== undefined) return learning.current;
  const { server, deps: { clock, log }, pool } = learning.options;
  const starting = pool.get(caller);
  const begun = pool.begun(caller);
  const work = async (): Promise<void> => {
    await begun;
    const since = clock.monotonic();
    const catalog = await learn(learning, await starting, caller);
    learning.isPutOff = false;
    log.info(describeCatalog(server, catalog, clock.monotonic() - since));
  };
  const over = work().catch((error) => retryLater(learning, error)).finally(() => {
    learning.current = undefined;
    pool.releaseEnded(caller.scope);
  });
  return learning.current = { scope: caller.scope, principal: caller.principal.id, begun, over };
}

/** The start failed: it is repeated when a place is free, or when the backoff allows it. */
function retryLater(learning: Learning, error: unknown): void {
  const { server, deps: { limits, log } } = learning.options;
  const isFull = error instanceof GatewayError && error.code === "overloaded";
  if (isFull && !learning.isPutOff) {
    log.warn(`Server "${server}" is tried again later`, { reason: error.message });
  }
  learning.isPutOff = isFull;
  if (isFull) retryAfter(learning, limits.trialRetryMs);
  else retryWhenDue(learning);
}

/**
 * Not sooner than a trial is repeated: a call that needs the server need not wait for this. While
 * something of the server runs, only calls start it.
 */
function retryWhenDue(learning: Learning): void {
  const { retryMs, deps: { limits } } = learning.options;
  const waitMs = retryMs();
  if (waitMs !== undefined) retryAfter(learning, Math.max(waitMs, limits.trialRetryMs));
}

function retryAfter(learning: Learning, ms: number): void {
  const { deps: { clock }, retryMs, pool } = learning.options;
  if (learning.isClosed) return;
  learning.cancelRetry();
  learning.cancelRetry = clock.after(ms, () => {
    const waitMs = retryMs();
    if (waitMs === undefined) return void trial(learning);
    if (waitMs > 0 || pool.counts().running > 0) retryWhenDue(learning);
    else void trial(learning, "again");
  });
}

/** Starts the server once while nothing is known of it, or in any case. */
function trial(learning: Learning, again?: "again"): Promise<void> {
  return learning.trial ??= attempt(learning, again)
    .finally(() => void (learning.trial = undefined));
}

async function attempt(learning: Learning, again?: "again"): Promise<void> {
  const { trialCaller, known } = learning;
  const nearest = again === undefined ? await nearestCatalog(known, trialCaller) : undefined;
  // Reports show what is stored of a server that has not run yet.
  known.latest ??= nearest?.catalog;
  if (learning.isClosed || nearest !== undefined) return;
  await start(learning, trialCaller).over;
}
