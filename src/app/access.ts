/** Who may connect, as the program and the admin API change it. */
import { createKeyRing, type KeyRing } from "../auth/key_ring.ts";
import type { Bus } from "../bus/bus.ts";
import type { Clock } from "../clock.ts";
import type { Limits } from "../limits.ts";
import type { LogSink } from "../log.ts";
import type { Stores } from "../store/stores.ts";

/** The credentials that the gateway itself gives to clients. */
export interface Access {
  readonly keys: KeyRing;
}

/** What it works on. */
export interface AccessDeps {
  readonly stores: Stores;
  /** Gets what is revoked. */
  readonly bus: Bus;
  readonly clock: Clock;
  readonly limits: Limits;
  readonly log: Pick<LogSink, "source">;
}

/** Makes it for opened stores. */
export function createAccess({ stores, bus, clock, limits, log }: AccessDeps): Access {
  return {
    keys: createKeyRing({ store: stores.keys, bus, clock, limits, log: log.source("keys") }),
  };
}
