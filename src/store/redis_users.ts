/** The users in the engine, by name; a damaged row counts as absent. */
import * as v from "valibot";
import type { Log } from "../log.ts";
import {
  decodeUserBody,
  encodeUserBody,
  type UserRow,
  type UserStore,
} from "../oauth/user_store.ts";
import type { RedisTables } from "./redis_table.ts";

/** What the store is made from. */
export interface RedisUsersOptions {
  readonly tables: RedisTables;
  readonly log: Log;
}

const table = "users";
const rowForm = v.pipe(
  v.string(),
  v.parseJson(),
  v.object({
    body: v.string(),
    password: v.optional(v.string()),
    createdAt: v.number(),
    usedAt: v.optional(v.number()),
  }),
);

/** Makes the store. */
export function createRedisUsers({ tables, log }: RedisUsersOptions): UserStore {
  const toRow = (name: string, text: string): UserRow | undefined => {
    const row = v.safeParse(rowForm, text);
    const body = row.success ? decodeUserBody(row.output.body) : undefined;
    if (!row.success || body === undefined) {
      log.error("Cannot read a stored user; remove and add it again", { user: name });
      return undefined;
    }
    const { password, createdAt, usedAt } = row.output;
    return {
      name,
      ...body,
      ...(password !== undefined && { password }),
      createdAt,
      ...(usedAt !== undefined && { usedAt }),
    };
  };
  const toText = (row: UserRow): string =>
    JSON.stringify({
      body: encodeUserBody(row),
      password: row.password,
      createdAt: row.createdAt,
      usedAt: row.usedAt,
    });
  return {
    async all() {
      return [...await tables.all(table)].flatMap(([name, text]) => toRow(name, text) ?? [])
        .sort((one, other) => one.name < other.name ? -1 : 1);
    },
    async find(name) {
      const text = await tables.get(table, name);
      return text === undefined ? undefined : toRow(name, text);
    },
    add: (row) =>
      tables.commit({
        expect: [{ table, id: row.name, text: null }],
        rows: [{ table, id: row.name, text: toText(row) }],
      }),
    update: (name, change) =>
      tables.change(async () => {
        const text = await tables.get(table, name);
        const row = text === undefined ? undefined : toRow(name, text);
        const next = row === undefined ? undefined : change(row);
        if (text === undefined || next === undefined) return { expect: [], rows: [], value: false };
        return {
          expect: [{ table, id: name, text }],
          rows: [{ table, id: name, text: toText({ ...next, name }) }],
          value: true,
        };
      }),
    remove: (name) => removeRow(tables, table, name),
  };
}

/** Removes a row; false if there was none. */
export function removeRow(tables: RedisTables, table: string, id: string): Promise<boolean> {
  return tables.change(async () => {
    const text = await tables.get(table, id);
    if (text === undefined) return { expect: [], rows: [], value: false };
    return { expect: [{ table, id, text }], rows: [{ table, id, text: null }], value: true };
  });
}
