/** Opens the engine for one gateway: the connection, and the lease on what is stored there. */
import { ownEngine } from "./engine_lease.ts";
import {
  connectRedis,
  type RedisConnection,
  type RedisConnectionOptions,
} from "./redis_connection.ts";

/** What the engine is opened with. */
export interface OwnedEngineOptions extends RedisConnectionOptions {
  /** Names this gateway to one that finds the engine taken. */
  readonly holder: string;
}

/** Connects and takes the lease. Rejects with an error text that says what to do. */
export async function openOwnedEngine(options: OwnedEngineOptions): Promise<RedisConnection> {
  const { engine, holder, clock, limits, log } = options;
  const connection = await connectRedis(options);
  try {
    return await ownEngine({ connection, prefix: engine.prefix, holder, clock, limits, log });
  } catch (fault) {
    await connection.close();
    throw fault;
  }
}
