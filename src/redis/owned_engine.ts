/**
 * Opens the engine: for a command that has it for itself, with the lease on what is stored there, or
 * for one of several gateways, while no command has it.
 */
import { assertUnleased, ownEngine } from "./engine_lease.ts";
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

/** Connects beside other gateways. Rejects with an error text that says what to do. */
export async function openSharedEngine(options: RedisConnectionOptions): Promise<RedisConnection> {
  const { clock, limits, log } = options;
  const connection = await connectRedis(options);
  try {
    await assertUnleased({ connection, clock, limits, log });
    return connection;
  } catch (fault) {
    await connection.close();
    throw fault;
  }
}
