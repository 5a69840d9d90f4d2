/**
 * Who may connect, for a command that runs while no gateway does: it opens the stores itself, works,
 * and closes them. A change takes effect when the next gateway starts.
 */
import { createInProcessBus } from "../bus/in_process.ts";
import { type Clock, systemClock } from "../clock.ts";
import type { GatewayConfig } from "../config/config.ts";
import { defaultLimits, type Limits } from "../limits.ts";
import { createLog } from "../log.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { openStores } from "../store/stores.ts";
import { type Access, createAccess } from "./access.ts";
import { defaultTables } from "./tables.ts";

/** What it is opened with. */
export interface OpenAccessOptions {
  readonly config: Pick<GatewayConfig, "dataDirectory" | "secret" | "store" | "secrets">;
  readonly runtime: Runtime;
  /** Takes log lines, such as those about an unreadable key. */
  readonly console?: (line: string) => void;
  readonly limits?: Partial<Limits>;
  readonly clock?: Clock;
}

/** Opened; no gateway can start on its data directory until it is closed. */
export interface OpenAccess extends Access {
  close(): Promise<void>;
}

/**
 * Opens the stores of the data directory. Waits a while for a gateway or a command that uses it;
 * then rejects with an error text.
 */
export async function openAccess(options: OpenAccessOptions): Promise<OpenAccess> {
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
  const { stores } = await openStores({ config, kinds, runtime, clock, limits, log });
  // Without listeners: this process alone uses the stores.
  const bus = createInProcessBus({ limits, log: log.source("bus") });
  const emit = () => {};
  const { access } = createAccess({ stores, runtime, bus, emit, clock, limits, log });
  return { ...access, close: stores.close };
}
