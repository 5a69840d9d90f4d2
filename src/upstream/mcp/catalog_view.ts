/**
 * Where an answer about a server's lists comes from: the caller's running connection, the stored
 * catalog of its kind of client, that of the most similar one, or a start, which is waited for no
 * longer than the server may take. Not here: what each scope was told (stored_catalog.ts).
 */
import { sleep, withDeadline } from "../../clock.ts";
import { GatewayError } from "../../errors.ts";
import type { Caller, Description, JsonObject, ListKind } from "../../model.ts";
import type { Catalog, UpstreamDeps } from "../deps.ts";
import type { CatalogLearning } from "./catalog_learning.ts";
import type { Connection } from "./connection.ts";
import type { PinnedLists } from "./pinned_lists.ts";
import type { ConnectionPool } from "./pool.ts";
import { ownerOf } from "./pool_key.ts";

/** Which lists will do: those of the most similar client, or only those made for the caller. */
export type ListSource = "nearest" | "own";

/**
 * The same, and for what does not depend on the client: any catalog. Lists of a client with other
 * extensions are no `nearest` ones, unless there are no better ones in time.
 */
export type CatalogSource = ListSource | "any";

/** Where an answer comes from; `catalog` when it is a stored one. */
export interface CatalogView {
  readonly description: Description;
  list(kind: ListKind): Promise<readonly JsonObject[]>;
  readonly catalog?: Catalog;
  /** Whether its lists are known to be what the caller's own connection would give now. */
  readonly isSure: boolean;
}

/** What a view is made from. */
export interface ViewOptions {
  readonly server: string;
  readonly startTimeoutMs: number;
  readonly deps: Pick<UpstreamDeps, "clock" | "limits">;
  readonly pool: ConnectionPool;
  readonly pins: PinnedLists;
  /** Why the last start failed, while none went well since. */
  readonly problem: () => string | undefined;
  /** Whether a start that could be done without makes sense now. */
  readonly mayWarm: (owner: ReturnType<typeof ownerOf>) => boolean;
}

/**
 * Called for the start that an answer waits for; `begun` resolves when the start leaves the queue.
 */
type OnStart = (begun: Promise<void>) => void;

/** Finds the cheapest view that has an answer; a start that it needs is begun. */
export async function viewFor(
  options: ViewOptions,
  learning: CatalogLearning,
  { caller, source }: { readonly caller: Caller; readonly source: CatalogSource },
  onStart: OnStart,
): Promise<CatalogView> {
  const { pool, pins } = options;
  for (;;) {
    const running = pool.running(caller);
    if (running !== undefined) return viewOfConnection(running, caller);
    const own = await learning.own(caller);
    if (own !== undefined) return viewOfCatalog(own, learning.isCurrent(own), pins);
    const nearest = source === "own" ? undefined : await learning.nearest(caller);
    if (nearest !== undefined) {
      const { catalog, hasSameExtensions } = nearest;
      return hasSameExtensions || source === "any"
        ? viewOfCatalog(catalog, false, pins)
        : await ownOrElse(options, caller, viewOfCatalog(catalog, false, pins));
    }
    const other = learning.underWay(caller);
    if (pool.has(caller) || source === "own" || other === undefined) {
      const started = pool.get(caller);
      onStart(pool.begun(caller));
      if (source !== "own" && other === undefined) learning.start(caller);
      return viewOfConnection(await started, caller);
    }
    // Another start is about to tell; when it does not, the next one tries.
    onStart(other.begun);
    await other.over;
  }
}

/**
 * The view of the caller's own connection, which is started, if it comes in time; else `standIn`,
 * which was made for a client with other extensions.
 */
async function ownOrElse(
  { pool, mayWarm, deps: { clock, limits } }: ViewOptions,
  caller: Caller,
  standIn: CatalogView,
): Promise<CatalogView> {
  if (!pool.has(caller) && !mayWarm(ownerOf(pool.keyOf(caller)))) return standIn;
  const own = pool.get(caller)
    .then((connection) => viewOfConnection(connection, caller), () => standIn);
  return await withDeadline(clock, limits.otherListMs, own, () => standIn);
}

/**
 * Rejects when the start that an answer waits for has used up its time, counted from its own begin.
 */
export async function lateness(
  { server, startTimeoutMs, deps: { clock, limits }, problem }: ViewOptions,
  begun: Promise<void>,
  over: AbortSignal,
): Promise<never> {
  const why = problem();
  await begun;
  await sleep(clock, why === undefined ? startTimeoutMs : limits.listMs, over);
  throw why === undefined
    ? new GatewayError(
      "upstream_late",
      `Cannot list what server "${server}" offers yet: it is still starting; retry later`,
      { data: { server, retryAfterMs: limits.trialRetryMs } },
    )
    : new GatewayError(
      "upstream_unavailable",
      `Cannot start server "${server}": ${why}; it is being started again`,
      { data: { server, retryAfterMs: limits.trialRetryMs } },
    );
}

function viewOfConnection({ description, lists }: Connection, caller: Caller): CatalogView {
  return { description, list: (kind) => lists.of(caller).get(kind), isSure: true };
}

function viewOfCatalog(
  catalog: Catalog,
  isSure: boolean,
  { offered }: Pick<PinnedLists, "offered">,
): CatalogView {
  return {
    description: catalog.description,
    list: async (kind) => kind === "tools" ? offered(catalog.lists.tools) : catalog.lists[kind],
    catalog,
    isSure,
  };
}
