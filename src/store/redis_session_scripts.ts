/**
 * The scripts of stored sessions. A session is a hash with the columns of its row; each subscription
 * is a field of its own, whose value is its place. Sorted sets find sessions by their last activity:
 * those that were never used after their handshake, and the others, of all and of each consumer. The
 * members of the common sets name the consumer too, so that what ended by itself can be counted out.
 * The row of a session's owner goes with the session: nothing is written for it any more.
 * Each script has the same effect when it runs twice.
 */
import type { RedisScript } from "../redis/redis_connection.ts";
import { fenceHead, outrunReply } from "./redis_fence.ts";

/** `KEYS[1]` is the root of all keys; times are texts, since Lua would round them. */
const head = `${fenceHead}local root = KEYS[1]
local function sessionKey(key) return root .. ':s:' .. key end
local function exact(number) return string.format('%.17g', number) end
local kinds = {'new', 'used'}
local function put(kind, key, consumer, at)
  redis.call('ZADD', root .. ':' .. kind, at, key .. ' ' .. consumer)
  redis.call('ZADD', root .. ':' .. kind .. ':' .. consumer, at, key)
end
local function take(kind, key, consumer)
  redis.call('ZREM', root .. ':' .. kind .. ':' .. consumer, key)
  return redis.call('ZREM', root .. ':' .. kind, key .. ' ' .. consumer)
end
local function drop(key, consumer)
  redis.call('DEL', sessionKey(key), root .. ':e:' .. key, root .. ':x:' .. key,
    KEYS[2] .. ':o:' .. key)
  local bytes = redis.call('HGET', root .. ':bytes', key)
  if bytes then
    redis.call('HDEL', root .. ':bytes', key)
    redis.call('ZREM', root .. ':streams', key)
    redis.call('DECRBY', root .. ':total', bytes)
  end
  if take('new', key, consumer) + take('used', key, consumer) == 0 then return false end
  if tonumber(redis.call('ZINCRBY', root .. ':consumers', -1, consumer)) <= 0 then
    redis.call('ZREM', root .. ':consumers', consumer)
  end
  return true
end
local function split(member)
  local at = string.find(member, ' ', 1, true)
  return string.sub(member, 1, at - 1), string.sub(member, at + 1)
end
local function move(key, consumer, at, ttl)
  local name = sessionKey(key)
  local times = redis.call('HMGET', name, 'active_at', 'created_at')
  if not times[1] then return end
  redis.call('PEXPIRE', name, ttl)
  redis.call('PEXPIRE', root .. ':e:' .. key, ttl)
  if tonumber(at) <= tonumber(times[1]) then return end
  redis.call('HSET', name, 'active_at', at)
  if times[1] == times[2] then take('new', key, consumer) end
  put('used', key, consumer, at)
end
`;

const script = (lua: string): RedisScript => ({ lua: head + lua });

/** The fields before a session's subscriptions, in the order of `toRow`. */
export const sessionFields = [
  "key",
  "surface",
  "principal",
  "revision",
  "client_info",
  "capabilities",
  "log_level",
  "created_at",
  "active_at",
  "owner",
  "consumer",
] as const;

/** What precedes a subscribed URI in the name of its field. */
export const subscriptionMark = "uri:";

/** key, consumer, active_at, kind, ttl, then fields and values: 1, or 0 if the key is taken. */
export const createSession = script(`local key, consumer, at, kind, ttl = unpack(ARGV, 1, 5)
local name = sessionKey(key)
if redis.call('EXISTS', name) == 1 then return 0 end
redis.call('HSET', name, unpack(ARGV, 6))
redis.call('PEXPIRE', name, ttl)
put(kind, key, consumer, at)
redis.call('ZINCRBY', root .. ':consumers', 1, consumer)
return 1`);

/** key: its fields and values in turn; empty if it is not stored. */
export const findSession = script(`return redis.call('HGETALL', sessionKey(ARGV[1]))`);

/** ttl, then key, time and the owner's number in turn: the keys that have another owner since. */
export const touchSessions = script(`local refused = {}
for at = 2, #ARGV, 3 do
  local consumer = redis.call('HGET', sessionKey(ARGV[at]), 'consumer')
  if outrun(ARGV[at], ARGV[at + 2]) then table.insert(refused, ARGV[at])
  elseif consumer then move(ARGV[at], consumer, ARGV[at + 1], ARGV[1]) end
end
return refused`);

/** A script of one session: key, the owner's number and more; `outrunReply` if it is another's. */
const ownScript = (lua: string): RedisScript =>
  script(`if outrun(ARGV[1], ARGV[2]) then return ${outrunReply} end
local name = sessionKey(ARGV[1])
${lua}`);

/** Fields and values: 1, or 0 if the session is gone. */
export const updateSession = ownScript(`if redis.call('EXISTS', name) == 0 then return 0 end
if #ARGV > 2 then redis.call('HSET', name, unpack(ARGV, 3)) end
return 1`);

/** A field. */
export const subscribeSession = ownScript(
  `if redis.call('EXISTS', name) == 0 or redis.call('HEXISTS', name, ARGV[3]) == 1 then return 0 end
redis.call('HSET', name, ARGV[3], redis.call('HINCRBY', name, 'subscribed', 1))
return 1`,
);

/** A field. */
export const unsubscribeSession = ownScript(`return redis.call('HDEL', name, ARGV[3])`);

/** Nothing more: 1, or 0 if there was none. */
export const removeSession = ownScript(`local consumer = redis.call('HGET', name, 'consumer')
if not consumer then return 0 end
return drop(ARGV[1], consumer) and 1 or 0`);

/**
 * before, how much more for those never used, how many, and their timeout: the removed keys, the
 * oldest first. An instance whose clock is ahead ends none sooner than the engine's clock does.
 */
export const expireSessions = script(`local due = {}
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local earliest = math.min(tonumber(ARGV[1]), now - ARGV[4])
for at, kind in ipairs(kinds) do
  local before = exact(at == 1 and earliest + ARGV[2] or earliest)
  local found = redis.call('ZRANGE', root .. ':' .. kind, '-inf', '(' .. before, 'BYSCORE',
    'LIMIT', 0, ARGV[3], 'WITHSCORES')
  for i = 1, #found, 2 do table.insert(due, {found[i], tonumber(found[i + 1])}) end
end
table.sort(due, function(one, other) return one[2] < other[2] end)
local removed = {}
for i = 1, math.min(#due, tonumber(ARGV[3])) do
  local key, consumer = split(due[i][1])
  drop(key, consumer)
  table.insert(removed, key)
end
return removed`);

/** consumer, kind and before: the removed key, or nothing. */
export const giveWaySession = script(`local consumer = ARGV[1]
local oldest, since
for _, kind in ipairs(kinds) do
  if kind == 'new' or ARGV[2] == 'every' then
    local found = redis.call('ZRANGE', root .. ':' .. kind .. ':' .. consumer, '-inf',
      '(' .. ARGV[3], 'BYSCORE', 'LIMIT', 0, 1, 'WITHSCORES')
    if found[1] and (not since or tonumber(found[2]) < since) then
      oldest, since = found[1], tonumber(found[2])
    end
  end
end
if oldest then drop(oldest, consumer) end
return oldest or false`);

/** What follows the kind in the names of the sets: the earliest time of each kind, or "". */
export const earliestSessions = script(`local times = {}
for at, kind in ipairs(kinds) do
  times[at] = redis.call('ZRANGE', root .. ':' .. kind .. ARGV[1], 0, 0, 'WITHSCORES')[2] or ''
end
return times`);

/** What follows the kind in the names of the sets: how many sessions there are. */
export const countSessions = script(`return redis.call('ZCARD', root .. ':new' .. ARGV[1]) +
  redis.call('ZCARD', root .. ':used' .. ARGV[1])`);

/** How many at most: the consumers with most sessions. */
export const greediestConsumers = script(
  `return redis.call('ZRANGE', root .. ':consumers', 0, ARGV[1] - 1, 'REV')`,
);

/** kind, cursor and how many: the next cursor, then members and times in turn. */
export const scanSessions = script(
  `local found = redis.call('ZSCAN', root .. ':' .. ARGV[1], ARGV[2],
  'COUNT', ARGV[3])
table.insert(found[2], 1, found[1])
return found[2]`,
);

/** kind, time and how many: members of sessions that were active after it. */
export const laterSessions = script(`return redis.call('ZRANGE', root .. ':' .. ARGV[1],
  '(' .. ARGV[2], '+inf', 'BYSCORE', 'LIMIT', 0, ARGV[3])`);

/** kind, the name of the change, ms, latest, then members: each is moved once. */
export const shiftSessions = script(`local kind, change, ms, latest = unpack(ARGV, 1, 4)
for at = 5, #ARGV do
  local key, consumer = split(ARGV[at])
  local name = sessionKey(key)
  local known = redis.call('HMGET', name, 'active_at', 'shifted')
  if known[1] and known[2] ~= change then
    local moved = tonumber(known[1]) + tonumber(ms)
    local time = moved < tonumber(latest) and exact(moved) or latest
    redis.call('HSET', name, 'active_at', time, 'shifted', change)
    if kind == 'new' then redis.call('HSET', name, 'created_at', time) end
    put(kind, key, consumer, time)
  elseif not known[1] then
    drop(key, consumer)
  end
end
return 0`);
