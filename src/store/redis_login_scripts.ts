/**
 * The scripts of the records of log-ins. `KEYS[1]` is the root of a table: a key for each row, which
 * begins with its group; a sorted set of all rows by the time when they end, one of the rows of each
 * group, and one of the groups by their sizes. Times are microseconds of the engine.
 */
import type { RedisScript } from "../redis/redis_connection.ts";

/** Groups are digests: 64 characters, and a space before the text. */
const head = `local root = KEYS[1]
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local all, sizes = root .. ':all', root .. ':sizes'
local function row(id) return root .. ':row:' .. id end
local function of(group) return root .. ':of:' .. group end
local function read(id)
  local found = redis.call('GET', row(id))
  if not found then return nil end
  return string.sub(found, 1, 64), string.sub(found, 66)
end
local function shrink(group, by)
  if tonumber(redis.call('ZINCRBY', sizes, -by, group)) <= 0 then
    redis.call('ZREM', sizes, group)
  end
end
local function drop(id, group)
  redis.call('DEL', row(id))
  redis.call('ZREM', all, id .. ' ' .. group)
  if redis.call('ZREM', of(group), id) == 1 then shrink(group, 1) end
end
local function split(member) return string.match(member, '^(%S+) (%S+)$') end
`;

/** id, group, text, life, most of a group, most in all, and "1" to leave another group's: 1 or 0. */
export const putRow: RedisScript = {
  lua: `${head}local id, group, text, life = unpack(ARGV)
local before = read(id)
if ARGV[7] == '1' and before and before ~= group then return 0 end
for _, member in ipairs(redis.call('ZRANGE', all, '-inf', now, 'BYSCORE', 'LIMIT', 0, 100)) do
  drop(split(member))
end
if before then drop(id, before) end
if redis.call('ZCARD', of(group)) >= tonumber(ARGV[5]) then
  drop(redis.call('ZRANGE', of(group), 0, 0)[1], group)
elseif redis.call('ZCARD', all) >= tonumber(ARGV[6]) then
  local most = redis.call('ZRANGE', sizes, 0, 0, 'REV', 'WITHSCORES')
  if tonumber(most[2]) > 1 then
    drop(redis.call('ZRANGE', of(most[1]), 0, 0)[1], most[1])
  else
    drop(split(redis.call('ZRANGE', all, 0, 0)[1]))
  end
end
local ends = string.format('%.0f', now + life * 1000)
redis.call('SET', row(id), group .. ' ' .. text, 'PX', life)
redis.call('ZADD', all, ends, id .. ' ' .. group)
redis.call('ZADD', of(group), ends, id)
redis.call('ZINCRBY', sizes, 1, group)
for _, key in ipairs({all, sizes, of(group)}) do redis.call('PEXPIRE', key, 2 * life) end
return 1`,
};

/** id: id and text. */
export const readRow: RedisScript = {
  lua: `${head}local group, text = read(ARGV[1])
return group and {ARGV[1], text}`,
};

/** id, and the group that it must have, or "": id and text. */
export const takeRow: RedisScript = {
  lua: `${head}local id, wanted = unpack(ARGV)
local group, text = read(id)
if not group or (wanted ~= '' and wanted ~= group) then return nil end
drop(id, group)
return {id, text}`,
};

/** group: id and text of the row that was put last. */
export const newestRow: RedisScript = {
  lua: `${head}local id = redis.call('ZRANGE', of(ARGV[1]), 0, 0, 'REV')[1]
if not id then return nil end
local group, text = read(id)
return group and {id, text}`,
};

/** A group, the one that gets its rows, and their life. */
export const moveGroup: RedisScript = {
  lua: `${head}local from, to, life = unpack(ARGV)
local rows = redis.call('ZRANGE', of(from), 0, -1, 'WITHSCORES')
local moved = 0
for at = 1, #rows, 2 do
  local id, ends = rows[at], rows[at + 1]
  local group, text = read(id)
  redis.call('ZREM', all, id .. ' ' .. from)
  if group == from then
    redis.call('SET', row(id), to .. ' ' .. text, 'KEEPTTL')
    redis.call('ZADD', all, ends, id .. ' ' .. to)
    redis.call('ZADD', of(to), ends, id)
    moved = moved + 1
  end
end
redis.call('DEL', of(from))
redis.call('ZREM', sizes, from)
if moved > 0 then
  redis.call('ZINCRBY', sizes, moved, to)
  redis.call('PEXPIRE', of(to), 2 * life)
end
return moved`,
};

/** A group: removes some of its rows; how many it removed. */
export const removeSome: RedisScript = {
  lua: `${head}local ids = redis.call('ZRANGE', of(ARGV[1]), 0, 99)
for _, id in ipairs(ids) do drop(id, ARGV[1]) end
return #ids`,
};
