/**
 * All stores on an engine that speaks the protocol of Redis, which several instances may use. What
 * belongs to this machine stays in the data folder: its lock, and the process groups of running
 * servers. Not here: the connection (src/redis/), and the keys of each store.
 */
import { noDirectory } from "../config/places.ts";
import type { Sealer } from "../seal.ts";
import { createFence } from "../instances/fence.ts";
import { createRedisOwners } from "../instances/redis_owners.ts";
import type { RedisConnection } from "../redis/redis_connection.ts";
import { openStoreDatabase, openWhenFree } from "./database.ts";
import { createFileCheck } from "./file_check.ts";
import { createRedisCatalogs } from "./redis_catalogs.ts";
import { createRedisCredentials } from "./redis_credentials.ts";
import { openRedisEvents } from "./redis_events.ts";
import { createRedisGrants } from "./redis_grants.ts";
import { createRedisKeys } from "./redis_keys.ts";
import { createRedisLogins } from "./redis_logins.ts";
import { createRedisNames } from "./redis_names.ts";
import { createRedisOAuth } from "./redis_oauth.ts";
import { createRedisPins } from "./redis_pins.ts";
import { createRedisBudgets, createRedisRates } from "./redis_rates.ts";
import { createRedisProfiles, createRedisRegistry } from "./redis_registry.ts";
import { openRedisSessionStore } from "./redis_sessions.ts";
import { createRedisTables } from "./redis_table.ts";
import { createRedisUsers } from "./redis_users.ts";
import { openSqliteProcessGroups } from "./sqlite_process_groups.ts";
import type { StoreEngine, StoreKindOptions } from "./stores.ts";

/** What the engine alone keeps: all but what belongs to one machine. */
export type EngineStores = Omit<StoreEngine, "processGroups">;

/** Opens the stores of an engine, and what stays in the data folder. */
export async function openRedisStore(options: StoreKindOptions): Promise<StoreEngine> {
  const { engine, runtime, directory, clock, limits, log } = options;
  if (engine === undefined) {
    throw new Error('Cannot open the store "redis": set MCP_STORE to the URL of the engine');
  }
  const owned = await openWhenFree(
    options,
    directory,
    (path) => openStoreDatabase(runtime, path, limits, log),
  );
  const { database } = owned;
  const stores = openEngineStores({ ...options, engine });
  const checkFiles = createFileCheck({
    runtime,
    path: `${directory}/secret.key`,
    clock,
    limits,
    log,
  });
  return {
    ...stores,
    processGroups: openSqliteProcessGroups({ database, clock }),
    async problem() {
      const tooMany = directory === noDirectory ? undefined : await checkFiles();
      return await stores.problem() ??
        (tooMany === undefined ? undefined : { effect: failsToOpen, cause: tooMany });
    },
    async close() {
      await stores.close();
      try {
        owned.close();
      } catch (thrown) {
        log.error("Cannot close the database", { error: thrown });
      }
    },
  };
}

const failsToOpen = "too many files are open: servers and new connections may fail";
const refusesWork = "the engine that stores sessions is unavailable: what needs it is refused";

/** Opens the stores alone, without a data folder. */
export function openEngineStores(
  { engine, runtime, clock, limits, sessionTimeoutMs = limits.engineSessionGraceMs, log }:
    & StoreKindOptions
    & { readonly engine: RedisConnection },
): EngineStores {
  const fence = createFence();
  const shared = { engine, fence, clock, limits, sessionTimeoutMs };
  const tables = createRedisTables(engine, limits);
  const sessions = openRedisSessionStore({ ...shared, log: log.source("session") });
  /** The stores in which changes may wait. */
  const waiting: { close(): Promise<void> }[] = [sessions];
  const closing = <Store extends { close(): Promise<void> }>(store: Store): Store => {
    waiting.push(store);
    return store;
  };
  return {
    sessions,
    events: (sealer) => openRedisEvents({ ...shared, sealer, log: log.source("session") }),
    catalogs: closing(createRedisCatalogs({ ...shared, log: log.source("catalog") })),
    pins: createRedisPins({ ...shared, log: log.source("pins") }),
    credentials: (sealer: Sealer) =>
      closing(createRedisCredentials({ ...shared, sealer, log: log.source("credentials") })),
    grants: (sealer: Sealer) =>
      closing(createRedisGrants({ ...shared, sealer, log: log.source("grants") })),
    registry: (sealer) => createRedisRegistry({ tables, sealer, log: log.source("registry") }),
    profiles: createRedisProfiles({ tables, log: log.source("registry") }),
    users: createRedisUsers({ tables, log: log.source("users") }),
    oauth: createRedisOAuth(shared),
    logins: (sealer) => createRedisLogins({ engine, sealer, sha256: runtime.sha256 }),
    keys: createRedisKeys({ tables, log: log.source("keys") }),
    names: createRedisNames(engine),
    owners: createRedisOwners(engine, limits),
    fence,
    rates: createRedisRates(engine, limits),
    budgets: createRedisBudgets(engine),
    backup: refuseEngineBackup,
    async problem() {
      const problem = engine.problem();
      return problem && { effect: refusesWork, cause: problem.cause };
    },
    isAway() {
      const problem = engine.problem();
      return problem !== undefined && clock.monotonic() - problem.since > limits.engineGraceMs;
    },
    async close() {
      for (const store of waiting) await store.close();
    },
  };
}

function refuseEngineBackup(): Promise<never> {
  return Promise.reject(
    new Error(
      "Cannot copy the database: this gateway stores in the engine of MCP_STORE; back the engine " +
        'up with its own tools, or copy it to SQLite with "mcp-wrapper store copy"',
    ),
  );
}
