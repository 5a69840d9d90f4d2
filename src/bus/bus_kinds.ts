/** The kinds of bus: that of one process, and one that reaches all instances of an engine. */
import type { Limits } from "../limits.ts";
import type { Log } from "../log.ts";
import type { RedisConnection } from "../redis/redis_connection.ts";
import type { Bus } from "./bus.ts";
import { createInProcessBus } from "./in_process.ts";

/** What the bus is made from. */
export interface OpenBusOptions {
  /** Undefined: there is one instance. */
  readonly engine: RedisConnection | undefined;
  /** The name of this instance. */
  readonly instance: string;
  readonly limits: Pick<Limits, "busMessagesMax">;
  readonly log: Log;
}

/** Opens the bus. */
export async function openBus({ engine, instance, limits, log }: OpenBusOptions): Promise<Bus> {
  const local = createInProcessBus({ limits, log });
  if (engine === undefined) return local;
  const { createRedisBus } = await import("./redis_bus.ts");
  return createRedisBus({ local, engine, instance, log });
}
