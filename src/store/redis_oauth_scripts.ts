/**
 * The scripts of the authorization server's rows. `KEYS[1]` is the root of all keys: hashes of
 * clients and grants, a key for each token, and for each grant a sorted set of its tokens' digests
 * by the time when they expire.
 */
import type { RedisScript } from "../redis/redis_connection.ts";

/** A table: its ids and rows in turn. */
export const readRows: RedisScript = {
  lua: "return redis.call('HGETALL', KEYS[1] .. ':' .. ARGV[1])",
};

/**
 * The expected token's digest ("" if none is expected) and row ("" for no row); how many rows, and
 * those with table, id and text; then tokens with digest, grant, time to live, end and row.
 */
export const commitRows: RedisScript = {
  lua: `local root = KEYS[1]
if ARGV[1] ~= '' then
  local found = redis.call('GET', root .. ':token:' .. ARGV[1]) or ''
  if found ~= ARGV[2] then return 0 end
end
local at = 4
for _ = 1, ARGV[3] do
  redis.call('HSET', root .. ':' .. ARGV[at], ARGV[at + 1], ARGV[at + 2])
  at = at + 3
end
for token = at, #ARGV, 5 do
  local digest, grant, ttl, ends, row = unpack(ARGV, token, token + 4)
  redis.call('SET', root .. ':token:' .. digest, row, 'PX', ttl)
  redis.call('ZADD', root .. ':of:' .. grant, ends, digest)
end
return 1`,
};

/** Grants by their ids: removes them with their tokens. */
export const removeGrants: RedisScript = {
  lua: `local root = KEYS[1]
for _, id in ipairs(ARGV) do
  for _, digest in ipairs(redis.call('ZRANGE', root .. ':of:' .. id, 0, -1)) do
    redis.call('DEL', root .. ':token:' .. digest)
  end
  redis.call('DEL', root .. ':of:' .. id)
  redis.call('HDEL', root .. ':grants', id)
end
return #ARGV`,
};

/** Clients as ids and rows in turn: removes those that are as they were; returns how many. */
export const removeClients: RedisScript = {
  lua: `local removed = 0
for at = 1, #ARGV, 2 do
  if redis.call('HGET', KEYS[1] .. ':clients', ARGV[at]) == ARGV[at + 1] then
    removed = removed + redis.call('HDEL', KEYS[1] .. ':clients', ARGV[at])
  end
end
return removed`,
};

/**
 * The time, a cursor and about how many: removes tokens of some grants that expired until then, and
 * grants that have none left; returns the next cursor.
 */
export const sweepTokens: RedisScript = {
  lua: `local root = KEYS[1]
local found = redis.call('HSCAN', root .. ':grants', ARGV[2], 'COUNT', ARGV[3])
for at = 1, #found[2], 2 do
  local id = found[2][at]
  local set, left = root .. ':of:' .. id, 0
  for _, digest in ipairs(redis.call('ZRANGE', set, '-inf', ARGV[1], 'BYSCORE')) do
    redis.call('DEL', root .. ':token:' .. digest)
    redis.call('ZREM', set, digest)
  end
  for _, digest in ipairs(redis.call('ZRANGE', set, 0, -1)) do
    if redis.call('EXISTS', root .. ':token:' .. digest) == 1 then
      left = 1
    else
      redis.call('ZREM', set, digest)
    end
  end
  if left == 0 then redis.call('HDEL', root .. ':grants', id) end
end
return found[1]`,
};
