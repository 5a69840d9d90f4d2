/**
 * The profiles of the registry in SQLite. Statements are prepared when they are used, because most
 * gateways have no profiles in their registry. Not here: the table (schema_steps.ts).
 */
import * as v from "valibot";
import type { ProfileRow, ProfileStore } from "../config/registry_store.ts";
import { isJsonObject } from "../json.ts";
import type { Log } from "../log.ts";
import type { JsonObject } from "../model.ts";
import type { SqlDatabase, SqlValue } from "../runtime/runtime.ts";

/** What the store is made from; the database has its tables already, and belongs to its opener. */
export interface SqliteProfilesOptions {
  readonly database: SqlDatabase;
  readonly log: Log;
}

const bodyForm = v.pipe(v.string(), v.parseJson(), v.custom<JsonObject>(isJsonObject));

/** Makes the store. */
export function openSqliteProfiles({ database, log }: SqliteProfilesOptions): ProfileStore {
  const toRow = (row: Record<string, SqlValue>): ProfileRow[] => {
    const name = String(row["name"]);
    const entry = v.safeParse(bodyForm, row["body"]);
    if (entry.success) return [{ name, entry: entry.output, addedAt: Number(row["added_at"]) }];
    log.error("Cannot read a stored profile: add it again", { profile: name });
    return [];
  };
  return {
    async all() {
      return database.prepare("SELECT * FROM profiles ORDER BY position").all().flatMap(toRow);
    },
    async put({ name, entry, addedAt }) {
      database.prepare(
        `INSERT INTO profiles (name, body, added_at) VALUES (?, ?, ?)
           ON CONFLICT (name) DO UPDATE SET body = excluded.body`,
      ).run(name, JSON.stringify(entry), Math.round(addedAt));
    },
    async remove(name) {
      return database.prepare("DELETE FROM profiles WHERE name = ?").run(name).changes > 0;
    },
  };
}
