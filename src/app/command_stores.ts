/** The stores for a command that runs while no gateway does: it opens them itself. */
import { type Clock, systemClock } from "../clock.ts";
import type { GatewayConfig } from "../config/config.ts";
import { defaultLimits, type Limits } from "../limits.ts";
import { createLog, type LogSink } from "../log.ts";
import type { Runtime } from "../runtime/runtime.ts";
import type { Sealer } from "../seal.ts";
import { openStores, type Stores } from "../store/stores.ts";
import { openEngine } from "./open_engine.ts";
import { defaultTables } from "./tables.ts";

/** What they are opened with. */
export interface CommandStoresOptions {
  readonly config: Pick<
    GatewayConfig,
    "dataDirectory" | "secret" | "store" | "engine" | "secrets"
  >;
  readonly runtime: Runtime;
  /** Takes log lines, such as those about an unreadable key. */
  readonly console?: (line: string) => void;
  readonly limits?: Partial<Limits>;
  readonly clock?: Clock;
}

/** The opened stores, and what works with them. */
export interface CommandStores {
  readonly stores: Stores;
  readonly sealer: Sealer;
  readonly clock: Clock;
  readonly limits: Limits;
  readonly log: LogSink;
}

/**
 * Opens the stores of the data directory. Waits a while for a gateway or a command that uses it;
 * then rejects with an error text.
 */
export async function openCommandStores(options: CommandStoresOptions): Promise<CommandStores> {
  const { config, runtime, clock = systemClock } = options;
  const limits: Limits = { ...defaultLimits, ...options.limits };
  const log = createLog({
    level: "WARN",
    console: options.console ?? (() => {}),
    clock,
    limits,
    secrets: config.secrets,
  });
  const kinds = defaultTables.storeKinds;
  const engine = await openEngine({ config, clock, limits, log });
  try {
    const opened = await openStores({ config, kinds, runtime, clock, limits, log, engine });
    const { stores, sealer } = opened;
    const close = async () => {
      await stores.close();
      await engine?.close();
    };
    return { stores: { ...stores, close }, sealer, clock, limits, log };
  } catch (fault) {
    await engine?.close();
    throw fault;
  }
}
