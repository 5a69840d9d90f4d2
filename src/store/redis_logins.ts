/**
 * The records of log-ins in the engine, for all instances. Each is a key that ends by itself, sealed;
 * its id and its group are digests. Sets by time say which records a group has, and which give way.
 * Each change is one script, so that a record is taken once, whichever instances ask for it.
 */
import * as v from "valibot";
import type { LoginRecords, LoginTable, LoginTableRules } from "../login_records.ts";
import type { JsonObject } from "../model.ts";
import type { RedisCommands, RedisReply } from "../redis/redis_connection.ts";
import type { Sealer } from "../seal.ts";
import * as scripts from "./redis_login_scripts.ts";

/** What the store is made from. */
export interface RedisLoginsOptions {
  readonly engine: Pick<RedisCommands, "key" | "run" | "send">;
  readonly sealer: Pick<Sealer, "encrypt" | "decrypt">;
  /** SHA-256 of a text in hex. */
  readonly sha256: (text: string) => string;
}

/** Makes it. */
export function createRedisLogins(options: RedisLoginsOptions): LoginRecords {
  return { table: (rules) => createTable(options, rules) };
}

function createTable<Body extends object>(
  { engine, sealer, sha256 }: RedisLoginsOptions,
  { name, form, lifeMs, groupMax, allMax }: LoginTableRules<Body>,
): LoginTable<Body> {
  const root = engine.key("login", name);
  const purpose = `login ${name}`;
  const idOf = (id: string): string => sha256(`id ${id}`);
  const groupOf = (group: string): string => sha256(`group ${group}`);
  const put = async (id: string, group: string, body: Body, isClaim: boolean): Promise<boolean> => {
    const key = idOf(id);
    const text = await sealer.encrypt(purpose, body as unknown as JsonObject, key);
    const rules = [lifeMs, groupMax, allMax, isClaim ? 1 : 0];
    return await engine.run(scripts.putRow, [root], [key, groupOf(group), text, ...rules]) === 1;
  };
  /** From the row's id and text. */
  const open = async (row: RedisReply): Promise<Body | undefined> => {
    const [key, text] = Array.isArray(row) ? row : [];
    if (typeof key !== "string" || typeof text !== "string") return undefined;
    // One of another version, or of another key, is none.
    const read = v.safeParse(form, await sealer.decrypt(purpose, text, key));
    return read.success ? read.output : undefined;
  };
  return {
    put: async (id, group, body) => void await put(id, group, body, false),
    claim: (id, group, body) => put(id, group, body, true),
    find: async (id) => await open(await engine.run(scripts.readRow, [root], [idOf(id)])),
    async take(id, group) {
      const args = [idOf(id), group === undefined ? "" : groupOf(group)];
      return await open(await engine.run(scripts.takeRow, [root], args));
    },
    newest: async (group) =>
      await open(await engine.run(scripts.newestRow, [root], [groupOf(group)])),
    async move(from, to) {
      await engine.run(scripts.moveGroup, [root], [groupOf(from), groupOf(to), lifeMs]);
    },
    async removeGroup(group) {
      while (await engine.run(scripts.removeSome, [root], [groupOf(group)]) !== 0);
    },
  };
}
