/** The kinds of storage, one row each; a new kind is one file, one row and the contract suite. */
import { openMemoryStore } from "./memory_store.ts";
import { openSqliteStore } from "./sqlite_store.ts";
import type { StoreKinds } from "./stores.ts";

/** Opens the stores of each kind. */
export const storeKinds = {
  /** One file in the data directory; survives a crash of the gateway. */
  sqlite: openSqliteStore,
  /** Keeps everything in memory: all of it ends with the gateway. */
  memory: openMemoryStore,
  /** A server of its own that speaks the protocol of Redis; loaded where one is configured. */
  redis: async (options) => (await import("./redis_store.ts")).openRedisStore(options),
} as const satisfies StoreKinds;
