/**
 * All stores on one SQLite database: the file of the data directory, or an in-memory database if no
 * file may be written. Not here: how the file is opened, locked and migrated (database.ts), and the
 * statements of each store.
 */
import { copyDatabase } from "./backup.ts";
import { openStoreDatabase, openWhenFree } from "./database.ts";
import { createMemoryLogins } from "./memory_logins.ts";
import { openSqliteCatalogStore } from "./sqlite_catalogs.ts";
import { openSqliteCredentialStore } from "./sqlite_credentials.ts";
import { openSqliteEvents } from "./sqlite_events.ts";
import { openSqliteGrantStore } from "./sqlite_grants.ts";
import { openSqliteKeyStore } from "./sqlite_keys.ts";
import { openSqliteOAuth } from "./sqlite_oauth.ts";
import { createSqliteNames } from "./sqlite_names.ts";
import { openSqlitePins } from "./sqlite_pins.ts";
import { openSqliteProcessGroups } from "./sqlite_process_groups.ts";
import { openSqliteProfiles } from "./sqlite_profiles.ts";
import { openSqliteRegistry } from "./sqlite_registry.ts";
import { openSqliteSessionStore } from "./sqlite_sessions.ts";
import { openSqliteUsers } from "./sqlite_users.ts";
import { noDirectory } from "../config/places.ts";
import { GatewayError } from "../errors.ts";
import type { SessionStore } from "../session/session_store.ts";
import { createFileCheck } from "./file_check.ts";
import { createStorageCheck, type StorageCheck } from "./storage_check.ts";
import type { StoreEngine, StoreKindOptions } from "./stores.ts";

/** Opens the database and its stores; no other gateway can open the same file until they close. */
export async function openSqliteStore(options: StoreKindOptions): Promise<StoreEngine> {
  const { runtime, directory, clock, limits, log } = options;
  const isKept = directory !== noDirectory;
  const owned = await openWhenFree(
    options,
    directory,
    (path) => openStoreDatabase(runtime, path, limits, log),
  );
  const { database } = owned;
  try {
    const shared = { database, clock, limits };
    const sessions = openSqliteSessionStore({
      ...shared,
      log: log.source("session"),
      nextTurn: runtime.nextTurn,
    });
    const check = createStorageCheck({ ...shared, log: log.source("database") });
    const path = `${directory}/secret.key`;
    const checkFiles = createFileCheck({ runtime, path, clock, limits, log });
    /** The stores in which changes may wait. */
    const waiting: { close(): void }[] = [];
    const closing = <Store extends { close(): void }>(store: Store): Store => {
      waiting.push(store);
      return store;
    };
    return {
      sessions: refusingNew(sessions, check),
      // Frames in a database in memory would end with the process.
      events: (sealer) =>
        isKept ? openSqliteEvents({ ...shared, sealer, log: log.source("session") }) : undefined,
      catalogs: closing(openSqliteCatalogStore({ ...shared, log: log.source("catalog") })),
      pins: openSqlitePins({ ...shared, log: log.source("pins") }),
      credentials: (sealer) =>
        closing(
          openSqliteCredentialStore({ ...shared, sealer, log: log.source("credentials") }),
        ),
      grants: (sealer) =>
        closing(openSqliteGrantStore({ ...shared, sealer, log: log.source("grants") })),
      registry: (sealer) => openSqliteRegistry({ database, sealer, log: log.source("registry") }),
      profiles: openSqliteProfiles({ database, log: log.source("registry") }),
      users: openSqliteUsers({ database, log: log.source("users") }),
      oauth: openSqliteOAuth(database),
      // One instance uses the database, and what is under way begins again after its restart.
      logins: () => createMemoryLogins({ clock }),
      processGroups: openSqliteProcessGroups({ database, clock }),
      keys: openSqliteKeyStore({ database, log: log.source("keys") }),
      names: createSqliteNames(database),
      backup: (to) => copyDatabase({ runtime, database, path: to, isKept }),
      async problem() {
        const unwritable = check.problem();
        if (unwritable !== undefined) return { effect: refusesSessions, cause: unwritable };
        const tooMany = isKept ? await checkFiles() : undefined;
        return tooMany === undefined ? undefined : { effect: failsToOpen, cause: tooMany };
      },
      async close() {
        check.close();
        await sessions.close();
        for (const store of waiting) store.close();
        try {
          owned.close();
        } catch (thrown) {
          log.error("Cannot close the database", { error: thrown });
        }
      },
    };
  } catch (fault) {
    owned.close();
    throw fault;
  }
}

const failsToOpen = "too many files are open: servers and new connections may fail";
const refusesSessions = "the data directory cannot be written: new sessions are refused";

/** While the database takes no writes, a new session is refused without another attempt. */
function refusingNew(sessions: SessionStore, check: StorageCheck): SessionStore {
  return {
    ...sessions,
    async create(record) {
      if (check.problem() !== undefined) throw new GatewayError("store_unavailable");
      try {
        await sessions.create(record);
      } catch (fault) {
        check.suspect();
        throw fault;
      }
    },
  };
}
