/** The kinds of bus: that of one process, and one that reaches all instances of an engine. */
import type { Clock } from "../clock.ts";
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
  readonly clock: Clock;
  readonly limits: Pick<Limits, "busMessagesMax" | "busCheckMs" | "storageRetryMs">;
  readonly log: Log;
}

/** Opens the bus. */
export async function openBus(
  { engine, instance, clock, limits, log }: OpenBusOptions,
): Promise<Bus> {
  const local = createInProcessBus({ limits, log });
  if (engine === undefined) return local;
  const { createRedisBus } = await import("./redis_bus.ts");
  return createRedisBus({ local, engine, instance, clock, limits, log });
}
