/** Copies the stores of the data folder to the engine of MCP_STORE, or back. */
import { systemClock } from "../clock.ts";
import { noDirectory } from "../config/places.ts";
import { defaultLimits, type Limits } from "../limits.ts";
import { createLog, type Log } from "../log.ts";
import type { RedisConnection } from "../redis/redis_connection.ts";
import { type CopiedRows, copyStores, hasUnreadable } from "../store/copy_stores.ts";
import { openStores, type StoreKind, type Stores } from "../store/stores.ts";
import type { CommandStoresOptions } from "./command_stores.ts";
import { openEngine } from "./open_engine.ts";
import { defaultTables } from "./tables.ts";

/** Where rows come from, and where they go to. */
export type CopyDirection = "to-engine" | "from-engine";

/** The engine's stores without a data folder, which the other side uses. */
const engineAlone: StoreKind = async (options) => {
  const { openEngineStores } = await import("../store/redis_store.ts");
  const { engine } = options;
  if (engine === undefined) throw new Error("Cannot copy: there is no engine");
  const processGroups = { all: async () => [], add: async () => {}, remove: async () => {} };
  return { ...openEngineStores({ ...options, engine }), processGroups };
};

/** What cannot be read with one key is no fault while there may be another. */
const silent: Log = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  source: () => silent,
};

/**
 * Copies. Rejects with an error text if the data folder or the engine is in use or cannot be
 * reached; what was copied until then stays.
 */
export async function copyEngine(
  options: CommandStoresOptions & { readonly config: { readonly sessionTimeoutMs: number } },
  direction: CopyDirection,
): Promise<CopiedRows> {
  const { config, runtime, clock = systemClock } = options;
  const { dataDirectory, secret, sessionTimeoutMs } = config;
  const limits: Limits = { ...defaultLimits, ...options.limits };
  const log = createLog({
    level: "ERROR",
    console: options.console ?? (() => {}),
    clock,
    limits,
    secrets: config.secrets,
  });
  const engine = await openEngine({ config, clock, limits, log });
  if (engine === undefined) {
    throw new Error("Cannot copy: set MCP_STORE to the URL of the engine, and MCP_SECRET");
  }
  const shared = { runtime, clock, limits, log };
  const openFolder = async (key: string | undefined, own: Log = log): Promise<Stores> => {
    const kinds = defaultTables.storeKinds;
    const folder = { dataDirectory, secret: key, store: "sqlite" };
    return (await openStores({ ...shared, log: own, kinds, config: folder })).stores;
  };
  /** Whether the folder was sealed before MCP_SECRET was set. */
  const hasOlderKey = async (): Promise<boolean> => {
    const trial = await openFolder(secret, silent);
    try {
      return await hasUnreadable(trial);
    } finally {
      await trial.close();
    }
  };
  const openRemote = async (connected: RedisConnection): Promise<Stores> => {
    const place = { dataDirectory: noDirectory, secret, store: "redis", sessionTimeoutMs };
    const kinds = { redis: engineAlone };
    return (await openStores({ ...shared, kinds, engine: connected, config: place })).stores;
  };
  const opened: Stores[] = [];
  const use = (stores: Stores): Stores => {
    opened.push(stores);
    return stores;
  };
  try {
    const remote = use(await openRemote(engine));
    const isOlder = direction === "to-engine" && await hasOlderKey();
    const folder = use(await openFolder(isOlder ? undefined : secret));
    return direction === "to-engine"
      ? await copyStores(folder, remote)
      : await copyStores(remote, folder);
  } finally {
    for (const stores of opened.reverse()) await stores.close();
    await engine.close();
    await log.close();
  }
}
