/**
 * The registry in SQLite; each entry is sealed for its name, since it may hold secrets. Statements
 * are prepared when they are used, because most gateways never change their registry. Not here: the
 * table (schema_steps.ts).
 */
import type { RegistryRow, RegistryStore } from "../config/registry_store.ts";
import type { Log } from "../log.ts";
import type { SqlDatabase, SqlValue } from "../runtime/runtime.ts";
import type { Sealer } from "../seal.ts";

/** What the store is made from; the database has its tables already. */
export interface SqliteRegistryOptions {
  readonly database: SqlDatabase;
  readonly sealer: Pick<Sealer, "encrypt" | "decrypt">;
  readonly log: Log;
}

const purpose = "registry";

/** Makes the store; the database belongs to its opener. */
export function openSqliteRegistry(
  { database, sealer, log }: SqliteRegistryOptions,
): RegistryStore {
  const toRow = async (values: Record<string, SqlValue>): Promise<RegistryRow> => {
    const name = String(values["name"]);
    const entry = await sealer.decrypt(purpose, String(values["sealed"]), name);
    if (entry === undefined) {
      log.error("Cannot open the entry of an added server: it was sealed with another key", {
        server: name,
      });
    }
    const disabled = values["disabled"] === 1;
    return { name, entry: entry ?? "unreadable", disabled, addedAt: Number(values["added_at"]) };
  };
  return {
    async all() {
      const sql = "SELECT * FROM registry ORDER BY position";
      return await Promise.all(database.prepare(sql).all().map(toRow));
    },
    async put({ name, entry, disabled, addedAt }) {
      const sealed = await sealer.encrypt(purpose, entry, name);
      database.prepare(
        `INSERT INTO registry (name, sealed, disabled, added_at) VALUES (?, ?, ?, ?)
           ON CONFLICT (name) DO UPDATE SET sealed = excluded.sealed, disabled = excluded.disabled`,
      ).run(name, sealed, disabled ? 1 : 0, Math.round(addedAt));
    },
    async setDisabled(name, disabled) {
      const statement = database.prepare("UPDATE registry SET disabled = ? WHERE name = ?");
      return statement.run(disabled ? 1 : 0, name).changes > 0;
    },
    async remove(name) {
      return database.prepare("DELETE FROM registry WHERE name = ?").run(name).changes > 0;
    },
  };
}
