/**
 * The users in SQLite. Statements are prepared when they are used, because most gateways have no
 * users. Not here: the table (schema_steps.ts).
 */
import type { Log } from "../log.ts";
import {
  decodeUserBody,
  encodeUserBody,
  type UserRow,
  type UserStore,
} from "../oauth/user_store.ts";
import type { SqlDatabase, SqlValue } from "../runtime/runtime.ts";
import { transact } from "./database.ts";

/** What the store is made from; the database has its tables already. */
export interface SqliteUsersOptions {
  readonly database: SqlDatabase;
  readonly log: Log;
}

/** Makes the store; the database belongs to its opener. A damaged row counts as absent. */
export function openSqliteUsers({ database, log }: SqliteUsersOptions): UserStore {
  const toRow = (values: Record<string, SqlValue>): UserRow[] => {
    const name = String(values["name"]);
    const body = decodeUserBody(String(values["body"]));
    if (body === undefined) {
      log.error("Cannot read a stored user; remove and add it again", { user: name });
      return [];
    }
    const { password, used_at: usedAt } = values;
    return [{
      name,
      ...body,
      ...(typeof password === "string" && { password }),
      createdAt: Number(values["created_at"]),
      ...(typeof usedAt === "number" && { usedAt }),
    }];
  };
  const find = (name: string): UserRow | undefined => {
    const values = database.prepare("SELECT * FROM users WHERE name = ?").get(name);
    return values === undefined ? undefined : toRow(values)[0];
  };
  return {
    all: async () => database.prepare("SELECT * FROM users ORDER BY name").all().flatMap(toRow),
    find: async (name) => find(name),
    async add(row) {
      const { changes } = database.prepare(
        `INSERT INTO users (name, password, body, created_at, used_at) VALUES (?, ?, ?, ?, ?)
           ON CONFLICT (name) DO NOTHING`,
      ).run(...valuesOf(row));
      return changes > 0;
    },
    update: async (name, change) =>
      transact(database, () => {
        const row = find(name);
        const next = row === undefined ? undefined : change(row);
        if (next === undefined) return false;
        database.prepare(
          "INSERT OR REPLACE INTO users (name, password, body, created_at, used_at) VALUES (?, ?, ?, ?, ?)",
        ).run(...valuesOf({ ...next, name }));
        return true;
      }),
    async remove(name) {
      return database.prepare("DELETE FROM users WHERE name = ?").run(name).changes > 0;
    },
  };
}

function valuesOf(row: UserRow): SqlValue[] {
  return [
    row.name,
    row.password ?? null,
    encodeUserBody(row),
    Math.round(row.createdAt),
    row.usedAt === undefined ? null : Math.round(row.usedAt),
  ];
}
