/**
 * Who may connect, for a command that runs while no gateway does: it opens the stores itself, works,
 * and closes them. A change takes effect when the next gateway starts.
 */
import { createInProcessBus } from "../bus/in_process.ts";
import { type AccessSteering, createAccessSteering } from "./access.ts";
import { type CommandStoresOptions, openCommandStores } from "./command_stores.ts";

/** Opened; no gateway can start on its data directory until it is closed. */
export interface OpenAccess extends AccessSteering {
  close(): Promise<void>;
}

/**
 * Opens the stores of the data directory. Waits a while for a gateway or a command that uses it;
 * then rejects with an error text.
 */
export async function openAccess(options: CommandStoresOptions): Promise<OpenAccess> {
  const { stores, clock, limits, log } = await openCommandStores(options);
  // Without listeners: this process alone uses the stores.
  const bus = createInProcessBus({ limits, log: log.source("bus") });
  const emit = () => {};
  const shared = { runtime: options.runtime, clock, limits, log };
  const forgetPrincipal = async (principal: string): Promise<void> => {
    // No server is reached from here: its issuer keeps the grant until it expires.
    for (const { key } of await stores.grants.list()) {
      if (key.principal === principal) await stores.grants.remove(key);
    }
  };
  const { access } = createAccessSteering({ ...shared, stores, bus, emit, forgetPrincipal });
  return { ...access, close: stores.close };
}
