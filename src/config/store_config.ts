/** Where a gateway stores, and how its instances reach each other. Types only. */
import type { EngineConfig } from "./engine_url.ts";

/** The part of the configuration that says it. */
export interface StoreConfig {
  /** The kind of store (a row of the store kinds); absent: `sqlite`. */
  readonly store?: string | undefined;
  /** The engine of the kind `redis`; absent: the kind needs none. */
  readonly engine?: EngineConfig | undefined;
  /** Where other instances reach this one; absent: at a free port of this machine. */
  readonly internalUrl?: string | undefined;
  /** Hosts and networks at which other instances may be; absent: this machine alone. */
  readonly internalAllow?: readonly string[] | undefined;
}
