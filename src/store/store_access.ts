/** Access to an open store, whose faults are logged in full and told in general. */
import { GatewayError } from "../errors.ts";
import type { Log } from "../log.ts";

/** Runs `work`; a fault is logged, and the client learns only that the store is unavailable. */
export function access<Value>(
  { isClosed, log }: { readonly isClosed: boolean; readonly log: Log },
  action: string,
  work: () => Value,
): Value {
  try {
    if (isClosed) throw new Error(`Cannot ${action}: the store is closed`);
    return work();
  } catch (fault) {
    log.error(`Cannot ${action}`, { fault });
    throw new GatewayError("store_unavailable", undefined, { cause: fault });
  }
}
