/** The engine that MCP_STORE names, for the stores and the bus; loaded where one is configured. */
import type { Clock } from "../clock.ts";
import type { GatewayConfig } from "../config/config.ts";
import type { Limits } from "../limits.ts";
import type { Log } from "../log.ts";
import type { RedisConnection } from "../redis/redis_connection.ts";

/** What it is opened with. */
export interface OpenEngineOptions {
  readonly config: Pick<GatewayConfig, "dataDirectory" | "secret" | "engine">;
  readonly clock: Clock;
  readonly limits: Limits;
  readonly log: Log;
  /** The name of this instance; absent: a command that runs while no gateway does. */
  readonly instance?: string;
}

/** Connects; undefined if none is configured. Rejects with an error text that says what to do. */
export async function openEngine(
  { config, clock, limits, log, instance }: OpenEngineOptions,
): Promise<RedisConnection | undefined> {
  const { engine, secret, dataDirectory } = config;
  if (engine === undefined) return undefined;
  if (secret === undefined) {
    throw new Error("Cannot use MCP_STORE without MCP_SECRET: every instance needs the same key");
  }
  const options = { engine, clock, limits, log: log.source("engine") };
  if (instance !== undefined) {
    // The instances share it: each session has one owner among them.
    const { openSharedEngine } = await import("../redis/owned_engine.ts");
    return await openSharedEngine(options);
  }
  const { openOwnedEngine } = await import("../redis/owned_engine.ts");
  const holder = `a command with the data folder "${dataDirectory}"`;
  const owned = await openOwnedEngine({ ...options, holder });
  try {
    await assertUnused(owned, limits);
  } catch (fault) {
    await owned.close();
    throw fault;
  }
  return owned;
}

/** What a command changes, gateways that run would not hear of. */
async function assertUnused(engine: RedisConnection, limits: Limits): Promise<void> {
  const { createRedisOwners } = await import("../instances/redis_owners.ts");
  const [running] = await createRedisOwners(engine, limits).instances();
  if (running === undefined) return;
  throw new Error(
    `Cannot use the engine at ${engine.place}: a gateway runs on it (instance ${running.name}); ` +
      "use the command where that gateway runs, with its data folder",
  );
}
