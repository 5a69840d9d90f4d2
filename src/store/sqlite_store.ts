/**
 * All stores on one SQLite database: the file of the data directory, or an in-memory database if no
 * file may be written. Not here: how the file is opened, locked and migrated (database.ts), and the
 * statements of each store.
 */
import { copyDatabase } from "./backup.ts";
import { createStorageCheck, openWhenFree } from "./database.ts";
import { openSqliteCatalogStore } from "./sqlite_catalogs.ts";
import { openSqliteCredentialStore } from "./sqlite_credentials.ts";
import { openSqliteEvents } from "./sqlite_events.ts";
import { openSqliteGrantStore } from "./sqlite_grants.ts";
import { openSqliteKeyStore } from "./sqlite_keys.ts";
import { openSqliteOAuth } from "./sqlite_oauth.ts";
import { openSqlitePins } from "./sqlite_pins.ts";
import { openSqliteProcessGroups } from "./sqlite_process_groups.ts";
import { openSqliteProfiles } from "./sqlite_profiles.ts";
import { openSqliteRegistry } from "./sqlite_registry.ts";
import { openSqliteSessionStore } from "./sqlite_sessions.ts";
import { openSqliteUsers } from "./sqlite_users.ts";
import { noDirectory } from "../config/places.ts";
import type { StoreEngine, StoreKindOptions } from "./stores.ts";

/** Opens the database and its stores; no other gateway can open the same file until they close. */
export async function openSqliteStore(options: StoreKindOptions): Promise<StoreEngine> {
  const { runtime, directory, clock, limits, log } = options;
  const path = directory === noDirectory ? directory : `${directory}/mcp-wrapper.db`;
  const database = await openWhenFree(options, path);
  try {
    const shared = { database, clock, limits };
    const sessions = openSqliteSessionStore({
      ...shared,
      log: log.source("session"),
      nextTurn: runtime.nextTurn,
    });
    const check = createStorageCheck({ ...shared, log: log.source("database") });
    return {
      sessions: {
        ...sessions,
        create: (record) =>
          sessions.create(record).catch((fault) => {
            check.suspect();
            throw fault;
          }),
      },
      // Frames in a database in memory would end with the process.
      events: (sealer) =>
        path === noDirectory
          ? undefined
          : openSqliteEvents({ ...shared, sealer, log: log.source("session") }),
      catalogs: openSqliteCatalogStore({ ...shared, log: log.source("catalog") }),
      pins: openSqlitePins({ ...shared, log: log.source("pins") }),
      credentials: (sealer) =>
        openSqliteCredentialStore({ ...shared, sealer, log: log.source("credentials") }),
      grants: (sealer) => openSqliteGrantStore({ ...shared, sealer, log: log.source("grants") }),
      registry: (sealer) => openSqliteRegistry({ database, sealer, log: log.source("registry") }),
      profiles: openSqliteProfiles({ database, log: log.source("registry") }),
      users: openSqliteUsers({ database, log: log.source("users") }),
      oauth: openSqliteOAuth(database),
      processGroups: openSqliteProcessGroups({ database, clock }),
      keys: openSqliteKeyStore({ database, log: log.source("keys") }),
      backup: (to) => copyDatabase({ runtime, database, path: to, isKept: path !== noDirectory }),
      problem: async () => check.problem(),
      async close() {
        await sessions.close();
        try {
          database.close();
        } catch (thrown) {
          log.error("Cannot close the database", { error: thrown });
        }
      },
    };
  } catch (fault) {
    database.close();
    throw fault;
  }
}
