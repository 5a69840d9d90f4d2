/**
 * Catalogs in SQLite: the descriptions and lists of servers, so that a handshake and the lists need
 * no process after a restart. A catalog is only a cache: a fault is logged, and at worst the server
 * starts once more; an older catalog than the one that could not be stored is not trusted. Bounded by number and size. Not here: what a key covers (the upstream kinds),
 * the table (database.ts) and the text of a catalog (catalog_body.ts).
 */
import type { Clock } from "../clock.ts";
import { type BacklogLimits, createBacklog } from "./backlog.ts";
import { transact } from "./database.ts";
import type { Limits } from "../limits.ts";
import type { Log } from "../log.ts";
import type { SqlDatabase } from "../runtime/runtime.ts";
import type { CatalogStore } from "../upstream/deps.ts";
import { toBody, toCatalog } from "./catalog_body.ts";

/** What the store is made from; the database has its tables already. */
export interface SqliteCatalogOptions {
  readonly database: SqlDatabase;
  readonly limits:
    & BacklogLimits
    & Pick<Limits, "catalogsMax" | "catalogsPerServerMax" | "catalogCharsMax">;
  readonly log: Log;
  readonly clock: Clock;
}

/** The store of a database. */
export interface SqliteCatalogs extends CatalogStore {
  /** Writes what waits, and stops. */
  close(): void;
}

/** Makes the store; it does not close the database, which belongs to its opener. */
export function openSqliteCatalogStore(options: SqliteCatalogOptions): SqliteCatalogs {
  const { database, limits, log, clock } = options;
  const select = database.prepare("SELECT body FROM catalogs WHERE key = ?");
  const selectKeys = database.prepare(
    "SELECT key FROM catalogs WHERE server = ? ORDER BY saved_at DESC, key",
  );
  const deleteOne = database.prepare("DELETE FROM catalogs WHERE key = ?");
  const replace = database.prepare(
    "INSERT OR REPLACE INTO catalogs (key, server, body, saved_at) VALUES (?, ?, ?, ?)",
  );
  // The catalog just saved never counts as old, whatever the wall clock says.
  const deleteOldOfServer = database.prepare(
    `DELETE FROM catalogs WHERE key IN (SELECT key FROM catalogs
       WHERE server = ? AND key <> ? ORDER BY saved_at DESC, key LIMIT -1 OFFSET ?)`,
  );
  const deleteOld = database.prepare(
    `DELETE FROM catalogs WHERE key IN (SELECT key FROM catalogs
       WHERE key <> ? ORDER BY saved_at DESC, key LIMIT -1 OFFSET ?)`,
  );
  /** Keys of catalogs that are no longer true, while their removal is not on disk. */
  const outdated = createBacklog<true>({
    ...options,
    what: "removals of stored catalogs",
    write: (_, key) => void deleteOne.run(key),
  });
  return {
    async load(key) {
      if (outdated.get(key) !== undefined) return undefined;
      try {
        const body = select.get(key)?.["body"];
        if (typeof body !== "string") return undefined;
        const catalog = toCatalog(body);
        if (catalog !== undefined) return catalog;
        log.warn("Cannot read a stored catalog; it is removed", { key });
        deleteOne.run(key);
      } catch (fault) {
        log.warn("Cannot load a stored catalog", { key, fault });
      }
      return undefined;
    },
    async keys(server) {
      try {
        return selectKeys.all(server).map(({ key }) => String(key))
          .filter((key) => outdated.get(key) === undefined);
      } catch (fault) {
        log.warn("Cannot look up the stored catalogs of a server", { server, fault });
        return [];
      }
    },
    async save(key, server, catalog) {
      try {
        const body = toBody(catalog, server, limits, log);
        // The next start would trust the older catalog.
        if (body === undefined) return outdated.put(key, true);
        transact(database, () => {
          replace.run(key, server, body, clock.wall());
          deleteOldOfServer.run(server, key, limits.catalogsPerServerMax - 1);
          deleteOld.run(key, limits.catalogsMax - 1);
        });
        outdated.drop(key);
      } catch (fault) {
        outdated.keep(key, true);
        log.warn("Cannot keep the catalog of a server", { server, fault });
      }
    },
    close: outdated.close,
    async remove(keys) {
      try {
        transact(database, () => {
          for (const key of keys) deleteOne.run(key);
        });
        for (const key of keys) outdated.drop(key);
      } catch (fault) {
        for (const key of keys) outdated.keep(key, true);
        log.warn("Cannot forget stored catalogs: it is tried again", { fault });
      }
    },
  };
}
