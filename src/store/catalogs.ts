/**
 * Catalogs in SQLite: what servers said of themselves, so that a handshake and the lists need no
 * process after a restart. A catalog is only a saving: whatever fails here is logged and costs a
 * start of the server, never a call. Bounded by number and size. Not here: what a key covers (the
 * upstream kinds) and the table (database.ts). An in-memory database serves where nothing is kept.
 */
import type { Clock } from "../clock.ts";
import { isJsonObject } from "../json.ts";
import { transact } from "./database.ts";
import type { Limits } from "../limits.ts";
import type { Log } from "../log.ts";
import type { JsonObject } from "../model.ts";
import type { SqlDatabase } from "../runtime/runtime.ts";
import type { Catalog, CatalogStore } from "../upstream/deps.ts";

/** What the store is made from; the database has its tables already. */
export interface CatalogStoreOptions {
  readonly database: SqlDatabase;
  readonly limits: Pick<Limits, "catalogsMax" | "catalogsPerServerMax" | "catalogCharsMax">;
  readonly log: Log;
  readonly clock: Clock;
}

/** Makes the store; it lets go of nothing, since the database belongs to who opened it. */
export function createCatalogStore(options: CatalogStoreOptions): CatalogStore {
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

  return {
    async load(key) {
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
        return selectKeys.all(server).map(({ key }) => String(key));
      } catch (fault) {
        log.warn("Cannot look up the stored catalogs of a server", { server, fault });
        return [];
      }
    },
    async save(key, server, catalog) {
      try {
        const body = JSON.stringify(catalog);
        if (body.length > limits.catalogCharsMax) {
          log.warn("Cannot keep the catalog of a server: it is too large", {
            server,
            chars: body.length,
          });
          // An older one would be believed at the next start.
          deleteOne.run(key);
          return;
        }
        transact(database, () => {
          replace.run(key, server, body, clock.wall());
          deleteOldOfServer.run(server, key, limits.catalogsPerServerMax - 1);
          deleteOld.run(key, limits.catalogsMax - 1);
        });
      } catch (fault) {
        log.warn("Cannot keep the catalog of a server", { server, fault });
      }
    },
  };
}

/** The catalog of a stored body; undefined when any part is not what `save` writes. */
function toCatalog(body: string): Catalog | undefined {
  const catalog = parse(body);
  if (!isJsonObject(catalog)) return undefined;
  const { description, lists } = catalog;
  if (!isJsonObject(description) || !isJsonObject(lists)) return undefined;
  const { capabilities, serverInfo, instructions } = description;
  if (!isJsonObject(capabilities)) return undefined;
  if (serverInfo !== undefined && !isJsonObject(serverInfo)) return undefined;
  if (instructions !== undefined && typeof instructions !== "string") return undefined;
  const { tools, prompts, resources, templates } = lists;
  if (!isObjects(tools) || !isObjects(prompts)) return undefined;
  if (!isObjects(resources) || !isObjects(templates)) return undefined;
  return {
    description: { capabilities, serverInfo, instructions },
    lists: { tools, prompts, resources, templates },
  };
}

/** The value of a JSON text; undefined when it is none. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isObjects(value: unknown): value is readonly JsonObject[] {
  return Array.isArray(value) && value.every(isJsonObject);
}
