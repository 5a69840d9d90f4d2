/** API keys in the engine, by name; a second table finds them by their digests. */
import * as v from "valibot";
import type { KeyStore, StoredKey } from "../auth/key_store.ts";
import type { Log } from "../log.ts";
import type { RedisTables } from "./redis_table.ts";

/** What the store is made from. */
export interface RedisKeysOptions {
  readonly tables: RedisTables;
  readonly log: Log;
}

const texts = v.array(v.string());
const rowForm = v.pipe(
  v.string(),
  v.parseJson(),
  v.object({
    digest: v.string(),
    roles: texts,
    servers: v.optional(texts),
    tools: v.optional(texts),
    createdAt: v.number(),
    expiresAt: v.optional(v.number()),
  }),
);
const byName = "keys";
const byDigest = "key_digests";
const uses = "key_uses";

/** Makes the store. */
export function createRedisKeys({ tables, log }: RedisKeysOptions): KeyStore {
  /** A row that another version wrote is no key: it must not widen any right. */
  const toKey = (name: string, text: string, usedAt: string | undefined): StoredKey | undefined => {
    const row = v.safeParse(rowForm, text);
    if (!row.success) {
      log.error("Cannot read a stored key: revoke it and add it again", { name });
      return undefined;
    }
    const { digest, roles, servers, tools, createdAt, expiresAt } = row.output;
    const used = usedAt === undefined ? undefined : Number(usedAt);
    return { name, digest, roles, servers, tools, createdAt, expiresAt, usedAt: used };
  };
  return {
    async all() {
      const [rows, used] = await Promise.all([tables.all(byName), tables.all(uses)]);
      return [...rows].flatMap(([name, text]) => toKey(name, text, used.get(name)) ?? [])
        .sort((one, other) => one.name < other.name ? -1 : 1);
    },
    async find(digest) {
      const name = await tables.get(byDigest, digest);
      if (name === undefined) return undefined;
      const [text, used] = await Promise.all([tables.get(byName, name), tables.get(uses, name)]);
      return text === undefined ? undefined : toKey(name, text, used);
    },
    async add({ name, usedAt, ...row }) {
      const isFree = { table: byName, id: name, text: null };
      return await tables.commit({
        expect: [isFree, { table: byDigest, id: row.digest, text: null }],
        rows: [
          { table: byName, id: name, text: JSON.stringify(row) },
          { table: byDigest, id: row.digest, text: name },
          { table: uses, id: name, text: usedAt === undefined ? null : String(usedAt) },
        ],
      });
    },
    remove: (name) =>
      tables.change(async () => {
        const text = await tables.get(byName, name);
        if (text === undefined) return { expect: [], rows: [], value: false };
        const row = v.safeParse(rowForm, text);
        const ended = [[byName, name], [uses, name]];
        if (row.success) ended.push([byDigest, row.output.digest]);
        return {
          expect: [{ table: byName, id: name, text }],
          rows: ended.map(([table = "", id = ""]) => ({ table, id, text: null })),
          value: true,
        };
      }),
    async noteUse(times) {
      if (times.size === 0) return;
      await tables.change(async () => {
        const [rows, used] = await Promise.all([tables.all(byName), tables.all(uses)]);
        const newer = [...times].filter(([name, at]) =>
          rows.has(name) && at > Number(used.get(name) ?? 0)
        );
        return {
          expect: newer.map(([name]) => ({
            table: byName,
            id: name,
            text: rows.get(name) ?? null,
          })),
          rows: newer.map(([name, at]) => ({
            table: uses,
            id: name,
            text: String(Math.round(at)),
          })),
          value: undefined,
        };
      });
    },
  };
}
