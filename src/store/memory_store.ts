/**
 * All stores in memory, for a gateway that keeps nothing: they end with the process. The limits are
 * those of the persistent kinds.
 */
import { refuseBackup } from "./backup.ts";
import type { ProcessGroup, ProcessGroupStore } from "../upstream/deps.ts";
import { createMemoryCatalogStore } from "./memory_catalogs.ts";
import { createMemoryCredentialStore } from "./memory_credentials.ts";
import { createMemoryGrantStore } from "./memory_grants.ts";
import { createMemoryKeyStore } from "./memory_keys.ts";
import { createMemoryLogins } from "./memory_logins.ts";
import { createMemoryOAuth } from "./memory_oauth.ts";
import { createMemoryProfiles } from "./memory_profiles.ts";
import { createMemoryPins } from "./memory_pins.ts";
import { createMemoryRegistry } from "./memory_registry.ts";
import { createMemorySessionStore } from "./memory_sessions.ts";
import { createMemoryUsers } from "./memory_users.ts";
import type { StoreEngine, StoreKindOptions } from "./stores.ts";

/** Makes empty stores. */
export async function openMemoryStore(options: StoreKindOptions): Promise<StoreEngine> {
  const { clock, limits, log } = options;
  const sessions = createMemorySessionStore();
  const logins = createMemoryLogins({ clock });
  return {
    sessions,
    events: () => undefined,
    catalogs: createMemoryCatalogStore({ limits, log: log.source("catalog") }),
    pins: createMemoryPins(limits),
    // What never leaves the process needs no seal.
    credentials: () =>
      createMemoryCredentialStore({ clock, limits, log: log.source("credentials") }),
    grants: () => createMemoryGrantStore({ limits }),
    registry: createMemoryRegistry,
    profiles: createMemoryProfiles(),
    users: createMemoryUsers(),
    oauth: createMemoryOAuth(),
    logins: () => logins,
    processGroups: createMemoryProcessGroups(),
    keys: createMemoryKeyStore(),
    backup: refuseBackup,
    problem: async () => undefined,
    close: sessions.close,
  };
}

/** The groups of this run only. If the gateway is killed, the warden's own process ends them. */
function createMemoryProcessGroups(): ProcessGroupStore {
  const groups = new Map<number, ProcessGroup>();
  return {
    all: async () => [...groups.values()],
    add: async (group) => void groups.set(group.groupId, group),
    remove: async (groupId) => void groups.delete(groupId),
  };
}
