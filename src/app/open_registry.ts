/**
 * The registry for a command that runs while no gateway does: it opens the stores itself, works, and
 * closes them. A change takes effect when the next gateway starts.
 */
import type { GatewayConfig, ServersConfig } from "../config/config.ts";
import type { ProfileRegistry } from "../config/profile_registry.ts";
import { type EntryReadingOptions, openSources, type Registry } from "../config/registry.ts";
import { RegistryError } from "../config/registry_error.ts";
import { isLocked } from "../store/database.ts";
import { type CommandStoresOptions, openCommandStores } from "./command_stores.ts";
import { readingOf } from "./parts.ts";
import { defaultTables } from "./tables.ts";

/** What the registry is opened with. */
export interface OpenRegistryOptions extends CommandStoresOptions {
  /** With the servers of `mcp.json`, as `readConfig` returns it. */
  readonly config: GatewayConfig;
  readonly reading: EntryReadingOptions;
}

/** An opened registry; no gateway can start on its data directory until it is closed. */
export interface OpenRegistry extends Registry {
  readonly profiles: ProfileRegistry;
  /** The servers and profiles of `mcp.json` and the registry together. */
  servers(): ServersConfig;
  /** A text without the secrets of these servers, as a log would show it. */
  hide(text: string): string;
  close(): Promise<void>;
}

/**
 * Opens the registry in the data directory. Waits a while for a gateway or a command that uses it;
 * then rejects with a `RegistryError` (`store_unavailable`).
 */
export async function openRegistry(options: OpenRegistryOptions): Promise<OpenRegistry> {
  const { config, runtime, reading } = options;
  const { kinds } = defaultTables;
  const { stores, clock, limits, log } = await openCommandStores(options).catch((fault) => {
    throw toRegistryError(fault, config.dataDirectory);
  });
  try {
    const { registry, profiles, current } = await openSources({
      store: stores.registry,
      profiles: stores.profiles,
      base: config,
      reading: { ...reading, ...readingOf(config, runtime), kinds },
      clock,
      limits,
      apply: async () => {},
    });
    return {
      ...registry,
      profiles,
      servers: current,
      hide(text) {
        log.addSecrets(current().secrets);
        return log.hide(text);
      },
      close: stores.close,
    };
  } catch (fault) {
    await stores.close();
    throw fault;
  }
}

function toRegistryError(fault: unknown, directory: string): RegistryError {
  const reason = isLocked(fault)
    ? `Cannot open the data directory "${directory}": a gateway or another command uses it; ` +
      "try again, or stop that gateway"
    : fault instanceof Error
    ? fault.message
    : String(fault);
  return new RegistryError("store_unavailable", reason, fault);
}
