/**
 * Tables of small rows in the engine: one hash for each, from the row's id to its text. A change is
 * computed here and written by a script that refuses it when a row is not as it was read; then it is
 * computed again. Not here: tables of which the oldest rows leave (redis_bounded_table.ts).
 */
import type { Limits } from "../limits.ts";
import type { RedisConnection, RedisReply, RedisScript } from "../redis/redis_connection.ts";
import { RedisFault } from "../redis/redis_fault.ts";

/** A row as it must still be for a change; null stands for no row. */
export interface ExpectedRow {
  readonly table: string;
  readonly id: string;
  readonly text: string | null;
}

/** What a row becomes; null removes it. */
export type ChangedRow = ExpectedRow;

/** What a change does, if the rows that it saw are still there. */
export interface TableChange<Value> {
  readonly expect: readonly ExpectedRow[];
  readonly rows: readonly ChangedRow[];
  /** What the caller gets when it is written. */
  readonly value: Value;
}

/** The tables of the engine. */
export interface RedisTables {
  /** All rows of a table, by id. */
  all(table: string): Promise<ReadonlyMap<string, string>>;
  get(table: string, id: string): Promise<string | undefined>;
  /** Writes rows if all expected ones are as they were; returns whether it did. */
  commit(change: Omit<TableChange<unknown>, "value">): Promise<boolean>;
  /** Computes and writes a change, again when another one was faster. */
  change<Value>(compute: () => Promise<TableChange<Value>>): Promise<Value>;
}

/** How many rows are expected; those with table, id, "1" or "0" and text; then the new ones. */
const commitRows: RedisScript = {
  lua: `local root, at = KEYS[1], 2
for _ = 1, ARGV[1] do
  local found = redis.call('HGET', root .. ARGV[at], ARGV[at + 1])
  if ARGV[at + 2] == '1' then
    if found ~= ARGV[at + 3] then return 0 end
  elseif found then return 0 end
  at = at + 4
end
while at <= #ARGV do
  if ARGV[at + 2] == '1' then
    redis.call('HSET', root .. ARGV[at], ARGV[at + 1], ARGV[at + 3])
  else
    redis.call('HDEL', root .. ARGV[at], ARGV[at + 1])
  end
  at = at + 4
end
return 1`,
};

/** Makes them. */
export function createRedisTables(
  engine: RedisConnection,
  { engineChangeAttemptsMax }: Pick<Limits, "engineChangeAttemptsMax">,
): RedisTables {
  const root = engine.key("table", "");
  const commit: RedisTables["commit"] = async ({ expect, rows }) => {
    if (expect.length + rows.length === 0) return true;
    const args = [expect.length, ...[...expect, ...rows].flatMap(toArguments)];
    return await engine.run(commitRows, [root], args) === 1;
  };
  return {
    async all(table) {
      return new Map(toPairs(await engine.run(readAll, [root + table])));
    },
    async get(table, id) {
      const text = await engine.send(["HGET", root + table, id]);
      return typeof text === "string" ? text : undefined;
    },
    commit,
    async change(compute) {
      for (let attempt = 0; attempt < engineChangeAttemptsMax; attempt++) {
        const change = await compute();
        if (await commit(change)) return change.value;
      }
      throw new RedisFault("refused", "others change the same rows all the time");
    },
  };
}

const readAll: RedisScript = { lua: "return redis.call('HGETALL', KEYS[1])" };

function toArguments({ table, id, text }: ExpectedRow): string[] {
  return [table, id, text === null ? "0" : "1", text ?? ""];
}

/** A list of fields and values in turn, as pairs. */
export function toPairs(reply: RedisReply): [string, string][] {
  const pairs: [string, string][] = [];
  if (!Array.isArray(reply)) return pairs;
  for (let at = 0; at + 1 < reply.length; at += 2) {
    pairs.push([String(reply[at]), String(reply[at + 1])]);
  }
  return pairs;
}
