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
  const { openOwnedEngine } = await import("../redis/owned_engine.ts");
  const who = instance === undefined ? "a command" : `instance ${instance}`;
  const holder = `${who} with the data folder "${dataDirectory}"`;
  return await openOwnedEngine({ engine, holder, clock, limits, log: log.source("engine") });
}
