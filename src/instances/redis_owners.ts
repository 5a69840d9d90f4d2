/**
 * The table of owners on an engine that speaks the protocol of Redis. An instance is a hash that
 * ends with its term; a row is a hash of its own. Each function is one script, so what it decides
 * and what it writes are one step, and each has the same effect when it runs twice.
 */
import type { RedisCommands, RedisReply, RedisScript } from "../redis/redis_commands.ts";
import type { Limits } from "../limits.ts";
import type { InstanceFacts, LiveInstance, OwnerRow, OwnerTable } from "./owner_table.ts";

/** `KEYS[1]` is the root of all keys. Numbers are texts, since Lua would round them when it answers. */
const head = `local root = KEYS[1]
local function instanceKey(name) return root .. ':i:' .. name end
local function rowKey(key) return root .. ':o:' .. key end
local function after(previous)
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  return string.format('%.0f', math.max(tonumber(previous) + 1, now))
end
local function rowOf(key)
  local row = redis.call('HMGET', rowKey(key), 'instance', 'term', 'number')
  return row[1] and row or nil
end
`;

const script = (lua: string): RedisScript => ({ lua: head + lua });

/** name, facts, termMs: the number of the new term; 0 while a command has the lease (`KEYS[2]`). */
const join = script(`local name, facts, ms = unpack(ARGV)
if redis.call('EXISTS', KEYS[2]) == 1 then return 0 end
local term = after(redis.call('GET', root .. ':term') or 0)
redis.call('SET', root .. ':term', term)
redis.call('HSET', instanceKey(name), 'facts', facts, 'term', term)
redis.call('PEXPIRE', instanceKey(name), ms)
redis.call('SADD', root .. ':names', name)
return term`);

/**
 * name, facts, term, termMs: 1, or 0 if the term has ended. A full engine refuses a script whose first
 * write needs memory; so the term is prolonged first.
 */
const renew = script(`local name, facts, term, ms = unpack(ARGV)
if redis.call('HGET', instanceKey(name), 'term') ~= term then return 0 end
redis.call('PEXPIRE', instanceKey(name), ms)
redis.call('HSET', instanceKey(name), 'facts', facts)
return 1`);

/** name, term. */
const leave = script(`local name, term = unpack(ARGV)
if redis.call('HGET', instanceKey(name), 'term') ~= term then return 0 end
redis.call('DEL', instanceKey(name))
redis.call('SREM', root .. ':names', name)
return 1`);

/** Facts and term of each living instance. */
const list = script(`local found = {}
for _, name in ipairs(redis.call('SMEMBERS', root .. ':names')) do
  local one = redis.call('HMGET', instanceKey(name), 'facts', 'term')
  if one[1] then table.insert(found, one) else redis.call('SREM', root .. ':names', name) end
end
return found`);

/** name: its facts and term. */
const instance = script(`return redis.call('HMGET', instanceKey(ARGV[1]), 'facts', 'term')`);

/** key: its row. */
const find = script(`return rowOf(ARGV[1]) or {}`);

/** key, instance, term, held or nothing, rowMs: the row as it is then; nothing if the term has ended. */
const claim = script(`local key, name, term, held, ms = unpack(ARGV)
local row = rowOf(key)
if row and redis.call('HGET', instanceKey(row[1]), 'term') == row[2] then return row end
local number = tonumber(row and row[3] or 0)
if held ~= '' then
  if row and number > tonumber(held) then return row end
  number = math.max(number, tonumber(held))
end
if redis.call('HGET', instanceKey(name), 'term') ~= term then return {} end
redis.call('HSET', rowKey(key), 'instance', name, 'term', term, 'number', after(number))
redis.call('PEXPIRE', rowKey(key), ms)
return rowOf(key)`);

/** key, number. No term is 0, so the row has no owner then; its number stays. */
const release = script(`local key, number = unpack(ARGV)
if redis.call('HGET', rowKey(key), 'number') ~= number then return 0 end
redis.call('HSET', rowKey(key), 'term', '0')
return 1`);

/** rowMs, then keys. */
const keep = script(`for at = 2, #ARGV do redis.call('PEXPIRE', rowKey(ARGV[at]), ARGV[1]) end
return 1`);

/** Makes the table of an engine. */
export function createRedisOwners(
  engine: Pick<RedisCommands, "key" | "run">,
  { ownerRowMs }: Pick<Limits, "ownerRowMs">,
): OwnerTable {
  const root = [engine.key("owners")];
  const run = (one: RedisScript, ...args: readonly (string | number)[]): Promise<RedisReply> =>
    engine.run(one, root, args);
  return {
    async join(facts, termMs) {
      const args = [facts.name, JSON.stringify(facts), termMs];
      const term = Number(await engine.run(join, [...root, engine.key("lease")], args));
      // Such as the copy of a store, which must not miss what an instance writes meanwhile.
      if (term === 0) throw new Error("A command has the engine for itself");
      return term;
    },
    renew: async (facts, term, termMs) =>
      await run(renew, facts.name, JSON.stringify(facts), term, termMs) === 1,
    leave: async (name, term) => await run(leave, name, term) === 1,
    instances: async () => toItems(await run(list)).flatMap((one) => toInstance(one) ?? []),
    instance: async (name) => toInstance(await run(instance, name)),
    find: async (key) => toRow(await run(find, key)),
    claim: async (key, { instance: name, term, held = "" }) =>
      toRow(await run(claim, key, name, term, held, ownerRowMs)),
    async release(key, number) {
      await run(release, key, number);
    },
    async keep(keys) {
      await run(keep, ownerRowMs, ...keys);
    },
  };
}

function toItems(reply: RedisReply): readonly RedisReply[] {
  return Array.isArray(reply) ? reply : [];
}

function toRow(reply: RedisReply): OwnerRow | undefined {
  const [name, term, number] = toItems(reply);
  if (typeof name !== "string") return undefined;
  return { instance: name, term: Number(term), number: Number(number) };
}

/** What another version wrote may lack members, which then only show nothing. */
function toInstance(reply: RedisReply): LiveInstance | undefined {
  const [facts, term] = toItems(reply);
  if (typeof facts !== "string") return undefined;
  return { ...JSON.parse(facts) as InstanceFacts, term: Number(term) };
}
