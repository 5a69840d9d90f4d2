/**
 * API keys in SQLite. Statements are prepared when they are used, because most gateways have no
 * keys. Not here: the table (schema_steps.ts).
 */
import * as v from "valibot";
import type { KeyStore, StoredKey } from "../auth/key_store.ts";
import type { Log } from "../log.ts";
import type { SqlDatabase, SqlValue } from "../runtime/runtime.ts";

/** What the store is made from; the database has its tables already, and belongs to its opener. */
export interface SqliteKeysOptions {
  readonly database: SqlDatabase;
  readonly log: Log;
}

const texts = v.array(v.string());
const bodyForm = v.pipe(
  v.string(),
  v.parseJson(),
  v.object({ roles: texts, servers: v.optional(texts), tools: v.optional(texts) }),
);

/** Makes the store. */
export function openSqliteKeyStore({ database, log }: SqliteKeysOptions): KeyStore {
  /** A row as a key. A row that another version wrote is no key: it must not widen any right. */
  const toKey = (row: Record<string, SqlValue>): StoredKey[] => {
    const name = String(row["name"]);
    const body = v.safeParse(bodyForm, row["body"]);
    if (!body.success) {
      log.error("Cannot read a stored key: revoke it and add it again", { name });
      return [];
    }
    const { roles, servers, tools } = body.output;
    return [{
      name,
      digest: String(row["digest"]),
      roles,
      servers,
      tools,
      createdAt: Number(row["created_at"]),
      expiresAt: toTime(row["expires_at"]),
      usedAt: toTime(row["used_at"]),
    }];
  };
  return {
    async all() {
      return database.prepare("SELECT * FROM access_keys ORDER BY name").all().flatMap(toKey);
    },
    async find(digest) {
      const row = database.prepare("SELECT * FROM access_keys WHERE digest = ?").get(digest);
      return row === undefined ? undefined : toKey(row)[0];
    },
    async add({ name, digest, roles, servers, tools, createdAt, expiresAt, usedAt }) {
      const sql = "INSERT INTO access_keys (name, digest, body, created_at, expires_at, used_at) " +
        "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING";
      const body = JSON.stringify({ roles, servers, tools });
      const times = [createdAt, expiresAt, usedAt].map((time) =>
        time === undefined ? null : Math.round(time)
      );
      return database.prepare(sql).run(name, digest, body, ...times).changes > 0;
    },
    async remove(name) {
      return database.prepare("DELETE FROM access_keys WHERE name = ?").run(name).changes > 0;
    },
    async noteUse(times) {
      const sql =
        "UPDATE access_keys SET used_at = ?1 WHERE name = ?2 AND coalesce(used_at, 0) < ?1";
      for (const [name, at] of times) database.prepare(sql).run(Math.round(at), name);
    },
  };
}

function toTime(value: SqlValue | undefined): number | undefined {
  return value === null || value === undefined ? undefined : Number(value);
}
