/**
 * Tables of the engine of which the newest rows stay: a number of each group, and a number in all. A
 * row that is put is the newest, whatever the clocks say. Each change is one script.
 */
import type { RedisConnection, RedisScript } from "../redis/redis_connection.ts";
import { toPairs } from "./redis_table.ts";

/** How many rows stay. */
export interface TableBounds {
  readonly groupMax: number;
  readonly allMax: number;
}

/** A table with a bound. */
export interface BoundedTable {
  get(id: string): Promise<string | undefined>;
  /** The rows of a group or all of them as id and text, the newest first. */
  list(group?: string): Promise<readonly (readonly [string, string])[]>;
  /** The same without texts. */
  ids(group: string): Promise<readonly string[]>;
  /** Puts rows; returns how many others left because there were too many in all. */
  put(id: string, text: string, group: string): Promise<number>;
  remove(ids: readonly string[]): Promise<void>;
}

const head = `local root = KEYS[1]
local function group(name) return root .. ':group:' .. name end
local function drop(id)
  local name = redis.call('HGET', root .. ':groups', id)
  redis.call('HDEL', root, id)
  redis.call('HDEL', root .. ':groups', id)
  redis.call('ZREM', root .. ':all', id)
  if name then redis.call('ZREM', group(name), id) end
end
local function cut(set, max)
  local left = redis.call('ZRANGE', set, 0, -1 - max)
  for _, id in ipairs(left) do drop(id) end
  return #left
end
`;

/** id, text, group, and the bounds: how many rows left because of the bound of all. */
const putRow: RedisScript = {
  lua: `${head}local id, text, name, groupMax, allMax = unpack(ARGV)
local number = redis.call('INCR', root .. ':count')
drop(id)
redis.call('HSET', root, id, text)
redis.call('HSET', root .. ':groups', id, name)
redis.call('ZADD', root .. ':all', number, id)
redis.call('ZADD', group(name), number, id)
cut(group(name), tonumber(groupMax))
return cut(root .. ':all', tonumber(allMax))`,
};

const removeRows: RedisScript = {
  lua: `${head}for _, id in ipairs(ARGV) do drop(id) end
return 0`,
};

/** The part of the set's name after the root, and whether texts are wanted. */
const listRows: RedisScript = {
  lua: `local ids = redis.call('ZRANGE', KEYS[1] .. ARGV[1], 0, -1, 'REV')
if ARGV[2] == '0' then return ids end
local found = {}
for _, id in ipairs(ids) do
  local text = redis.call('HGET', KEYS[1], id)
  if text then
    table.insert(found, id)
    table.insert(found, text)
  end
end
return found`,
};

/** Makes the table of a name. */
export function createBoundedTable(
  engine: RedisConnection,
  name: string,
  { groupMax, allMax }: TableBounds,
): BoundedTable {
  const root = engine.key("rows", name);
  return {
    async get(id) {
      const text = await engine.send(["HGET", root, id]);
      return typeof text === "string" ? text : undefined;
    },
    async list(group) {
      const set = group === undefined ? ":all" : `:group:${group}`;
      return toPairs(await engine.run(listRows, [root], [set, 1]));
    },
    async ids(group) {
      const found = await engine.run(listRows, [root], [`:group:${group}`, 0]);
      return Array.isArray(found) ? found.map(String) : [];
    },
    put: async (id, text, group) =>
      Number(await engine.run(putRow, [root], [id, text, group, groupMax, allMax])),
    async remove(ids) {
      if (ids.length > 0) await engine.run(removeRows, [root], ids);
    },
  };
}
