/**
 * What one upstream says of itself, from the cheapest source that has it: the scope's running lane,
 * the stored catalog, or a lane started for it. One process is started to learn what is not known
 * yet, however many scopes ask. Remembers what each scope was told, and sends `list_changed` when
 * its lane says otherwise. Not here: how a lane fetches its lists (lane_lists.ts).
 */
import { pause } from "../clock.ts";
import { GatewayError } from "../errors.ts";
import {
  type Caller,
  type Description,
  type JsonObject,
  type ListKind,
  listKinds,
} from "../model.ts";
import { isJsonObject } from "../protocol/jsonrpc.ts";
import type { Catalog, UpstreamDeps } from "./deps.ts";
import type { Lane } from "./lane.ts";
import { listKindNames } from "./lane_lists.ts";
import type { CatalogKeys } from "./catalog_key.ts";
import type { LaneKey, Lanes } from "./lanes.ts";
import type { Watchers } from "./watchers.ts";

/** Answers what a server says of itself. */
export interface CatalogDesk {
  describe(caller: Caller): Promise<Description>;
  list(kind: ListKind, caller: Caller): Promise<readonly JsonObject[]>;
  /** A lane is up: compares its lists with what its scopes were told. */
  laneReady(key: LaneKey, lane: Lane, caller: Caller): void;
  /** A lane said that lists changed. */
  listsChanged(key: LaneKey, kinds: readonly ListKind[]): void;
  /** A lane died: its scopes must be told of what the next one has. */
  laneDied(key: LaneKey): void;
  /** Starts the caller's lane when there is room and it was not tried yet. */
  warm(caller: Caller): void;
  forget(scope: string): void;
  close(): void;
}

/** What a desk works with. */
export interface CatalogDeskOptions {
  readonly server: string;
  readonly deps: UpstreamDeps;
  readonly lanes: Lanes;
  readonly watchers: Watchers;
  readonly keys: CatalogKeys;
  /** Whether a start that nobody waits for makes sense now. */
  readonly mayWarm: () => boolean;
}

/** Where an answer comes from; `catalog` when it is the stored one. */
interface View {
  readonly description: Description;
  list(kind: ListKind): Promise<readonly JsonObject[]>;
  readonly catalog?: Catalog;
}

/** A scope got no answer, or one of a lane that is gone: whatever comes is news to it. */
const nothing = Symbol("nothing");

/** Makes a desk. */
export function createCatalogDesk(options: CatalogDeskOptions): CatalogDesk {
  const { server, deps, lanes, watchers } = options;
  const { clock, limits, log } = deps;
  const told = new Map<string, Catalog | typeof nothing>();
  const warmed = new Set<string>();
  const stored = new Map<string, Promise<Catalog | undefined>>();
  const learning = new Map<string, Promise<Catalog>>();
  const fetched = new WeakMap<Lane, Promise<Catalog>>();
  const changes = createChangeNotices(options);

  const load = (key: string): Promise<Catalog | undefined> => {
    const kept = stored.get(key);
    if (kept !== undefined) return kept;
    const loading = deps.catalogs.load(key).catch(() => undefined);
    keep(key, loading);
    return loading;
  };
  const keep = (key: string, catalog: Promise<Catalog | undefined>): void => {
    stored.set(key, catalog);
    for (const oldest of stored.keys()) {
      if (stored.size <= limits.catalogsPerServerMax) break;
      stored.delete(oldest);
    }
  };

  /** The whole catalog of a lane that came up, fetched and kept once. */
  const learn = (lane: Lane, caller: Caller): Promise<Catalog> => {
    const known = fetched.get(lane);
    if (known !== undefined) return known;
    const work = async (): Promise<Catalog> => {
      const [key, lists] = await Promise.all([
        options.keys.of(caller, lane.manner),
        lane.lists.all(),
      ]);
      const catalog: Catalog = { description: lane.description, lists };
      const before = await load(key);
      keep(key, Promise.resolve(catalog));
      if (!isSame(before, catalog)) await deps.catalogs.save(key, server, catalog);
      return catalog;
    };
    const learned = work();
    fetched.set(lane, learned);
    return learned;
  };

  const view = async (caller: Caller): Promise<View> => {
    for (;;) {
      const running = lanes.running(caller);
      if (running !== undefined) return viewOfLane(running);
      const keys = await options.keys.all(caller);
      for (const key of keys) {
        const catalog = await load(key);
        if (catalog !== undefined) return viewOfCatalog(catalog);
      }
      const key = keys[0] ?? "";
      const other = lanes.has(caller) ? undefined : learning.get(key);
      if (other === undefined) {
        const started = lanes.get(caller);
        if (!learning.has(key)) {
          const learned = started.then((lane) => learn(lane, caller));
          learning.set(key, learned);
          learned.catch(() => {}).finally(() => learning.delete(key));
        }
        return viewOfLane(await started);
      }
      // Another scope's process is about to tell; when it does not, the next one tries.
      await other.catch(() => {});
    }
  };

  const answer = async <T>(caller: Caller, read: (from: View) => Promise<T>): Promise<T> => {
    const { scope } = caller;
    const over = new AbortController();
    const late = pause(clock, limits.firstListMs, over.signal).then(() => {
      throw new GatewayError(
        "upstream_late",
        `Cannot list what server "${server}" offers yet: it is still starting`,
        { data: { server } },
      );
    });
    const work = view(caller).then(async (from) => ({ from, value: await read(from) }));
    try {
      const { from, value } = await (lanes.running(caller) ? work : Promise.race([work, late]));
      if (from.catalog !== undefined) told.set(scope, from.catalog);
      return value;
    } catch (thrown) {
      told.set(scope, nothing);
      work.then(({ from }) => settleLate(scope, from), () => {});
      throw thrown;
    } finally {
      over.abort();
      late.catch(() => {});
    }
  };

  /** An answer came after its caller had been sent away; its own lane speaks for itself. */
  const settleLate = (scope: string, from: View): void => {
    if (from.catalog === undefined || told.get(scope) !== nothing) return;
    told.set(scope, from.catalog);
    changes.send(scope, kindsOf(from.description));
  };

  const warm = (caller: Caller): void => {
    const key = lanes.keyOf(caller);
    const id = key.scope ?? key.id;
    if (warmed.has(id) || lanes.has(caller) || !options.mayWarm()) return;
    warmed.add(id);
    lanes.get(caller).catch(() => {});
  };

  /** The scopes that a lane serves, as far as they can be told anything. */
  const scopesOf = ({ scope }: LaneKey) => scope === undefined ? watchers.scopes() : [scope];

  const settle = (scope: string, catalog: Catalog): void => {
    const before = told.get(scope);
    told.delete(scope);
    if (before === undefined) return;
    const kinds = before === nothing
      ? kindsOf(catalog.description)
      : listKindNames.filter((kind) => !isSame(before.lists[kind], catalog.lists[kind]));
    changes.send(scope, kinds);
  };

  return {
    describe: (caller) => answer(caller, async (from) => from.description),
    async list(kind, caller) {
      const items = await answer(caller, (from) => from.list(kind));
      warm(caller);
      return items;
    },
    laneReady(key, lane, caller) {
      learn(lane, caller).then(
        (catalog) => scopesOf(key).forEach((scope) => settle(scope, catalog)),
        (error) => log.warn("Cannot read the lists of the server", { error: String(error) }),
      );
    },
    listsChanged(key, kinds) {
      const lane = lanes.of(key);
      for (const kind of kinds) lane?.lists.forget(kind);
      for (const scope of scopesOf(key)) changes.sendSoon(scope, kinds);
    },
    laneDied(key) {
      for (const scope of scopesOf(key)) told.set(scope, nothing);
    },
    forget(scope) {
      told.delete(scope);
      warmed.delete(scope);
      changes.forget(scope);
    },
    warm,
    close: changes.close,
  };
}

/** `list_changed` notices, merged within a short time for each scope. */
function createChangeNotices({ deps, watchers }: CatalogDeskOptions) {
  const due = new Map<string, { kinds: Set<ListKind>; cancel: () => void }>();
  const send = (scope: string, kinds: Iterable<ListKind>): void => {
    const capabilities = new Set([...kinds].map((kind) => listKinds[kind].capability));
    for (const capability of capabilities) {
      const method = `notifications/${capability}/list_changed`;
      watchers.tell(scope, { kind: "notice", method, params: {} });
    }
  };
  const sendSoon = (scope: string, kinds: readonly ListKind[]): void => {
    const waiting = due.get(scope);
    if (waiting !== undefined) {
      for (const kind of kinds) waiting.kinds.add(kind);
      return;
    }
    const entry = {
      kinds: new Set(kinds),
      cancel: deps.clock.after(deps.limits.changeDebounceMs, () => {
        due.delete(scope);
        send(scope, entry.kinds);
      }),
    };
    due.set(scope, entry);
  };
  const forget = (scope: string): void => {
    due.get(scope)?.cancel();
    due.delete(scope);
  };
  return { send, sendSoon, forget, close: () => [...due.keys()].forEach(forget) };
}

function viewOfLane(lane: Lane): View {
  return { description: lane.description, list: lane.lists.get };
}

function viewOfCatalog(catalog: Catalog): View {
  return { description: catalog.description, list: async (kind) => catalog.lists[kind], catalog };
}

/** The lists that a server with these capabilities has. */
function kindsOf({ capabilities }: Description): ListKind[] {
  return listKindNames.filter((kind) => isJsonObject(capabilities[listKinds[kind].capability]));
}

function isSame(left: unknown, right: unknown): boolean {
  return JSON.stringify(left) === JSON.stringify(right);
}
