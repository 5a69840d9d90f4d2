/**
 * The rates of principals and the budgets of web APIs in the engine, for all instances together. A
 * bucket is a hash that ends by itself when it would be full again; a budget is the times of the
 * latest requests. All times are those of the engine.
 */
import type { RateReport, RateState, RateTable } from "../rate_table.ts";
import type { Limits } from "../limits.ts";
import type { RedisCommands, RedisScript } from "../redis/redis_commands.ts";
import type { BudgetWindow, SharedBudgets } from "../upstream/deps.ts";

const now = `local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
`;

/**
 * reporter, from, to, perMinute or 0, open, how long a reporter counts: tokens and calls elsewhere. A
 * reporter's field has what it spent so far, so that a report that comes twice counts once.
 */
const reportRate: RedisScript = {
  lua: `${now}local reporter, from, to, rate, open, ms = unpack(ARGV)
from, to, rate = tonumber(from), tonumber(to), tonumber(rate)
local tokens, at, before, counted, elsewhere = rate, now, rate, from, 0
local fields = redis.call('HGETALL', KEYS[1])
for place = 1, #fields, 2 do
  local name, value = fields[place], fields[place + 1]
  if name == 'tokens' then tokens = tonumber(value)
  elseif name == 'at' then at = tonumber(value)
  elseif name == 'rate' then before = tonumber(value)
  else
    local spent, calls, told = string.match(value, '^(%d+) (%d+) ([%d.]+)$')
    if name == reporter then counted = math.max(from, tonumber(spent))
    elseif now - tonumber(told) > tonumber(ms) then redis.call('HDEL', KEYS[1], name)
    else elsewhere = elsewhere + tonumber(calls) end
  end
end
if before > 0 and before ~= rate then tokens = tokens * rate / before end
tokens = math.min(rate, tokens + math.max(0, now - at) * rate / 60000)
tokens = math.max(-rate, tokens - math.max(0, to - counted))
redis.call('HSET', KEYS[1], 'tokens', tokens, 'at', string.format('%.3f', now), 'rate', rate,
  reporter, string.format('%.0f %s %.3f', math.max(to, counted), open, now))
redis.call('PEXPIRE', KEYS[1], 180000)
return {tostring(tokens), elsewhere}`,
};

/** id, wanted, requests, perMs: how many are granted, and after which time there is another. */
const takeBudget: RedisScript = {
  lua: `${now}local id, wanted, requests, ms = unpack(ARGV)
local closed = redis.call('PTTL', KEYS[2])
if closed > 0 then return {0, closed} end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.3f', now - ms))
local taken = redis.call('ZCARD', KEYS[1])
local granted = math.max(0, math.min(tonumber(wanted), requests - taken))
for place = 1, granted do
  redis.call('ZADD', KEYS[1], string.format('%.3f', now), id .. place)
end
redis.call('PEXPIRE', KEYS[1], math.ceil(ms))
if granted == tonumber(wanted) then return {granted, 0} end
local next = redis.call('ZRANGE', KEYS[1], taken + granted - requests, taken + granted - requests,
  'WITHSCORES')
return {granted, math.max(1, math.ceil(next[2] + ms - now))}`,
};

/** ms: no request before that, unless a longer pause is known. */
const pauseBudget: RedisScript = {
  lua: `if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[1]) then
  redis.call('SET', KEYS[1], '', 'PX', ARGV[1])
end
return 1`,
};

/** Makes the table of rates. */
export function createRedisRates(
  engine: Pick<RedisCommands, "key" | "run">,
  { rateReporterMs }: Pick<Limits, "rateReporterMs">,
): RateTable {
  return {
    async report(consumer, { reporter, from, to, perMinute = 0, open }: RateReport) {
      const args = [`by ${reporter}`, from, to, perMinute, open, rateReporterMs];
      const [tokens, elsewhere] = pairOf(
        await engine.run(reportRate, [engine.key("rate", consumer)], args),
      );
      return { tokens, openElsewhere: elsewhere } satisfies RateState;
    },
  };
}

/** Makes the budgets. */
export function createRedisBudgets(engine: Pick<RedisCommands, "key" | "run">): SharedBudgets {
  return {
    of(name, { requests, perMs }: BudgetWindow) {
      const [taken, closed] = [engine.key("budget", name), engine.key("budget_closed", name)];
      return {
        async take(wanted) {
          const args = [crypto.randomUUID(), wanted, requests, perMs];
          const [granted, waitMs] = pairOf(await engine.run(takeBudget, [taken, closed], args));
          return { granted, waitMs };
        },
        async pause(ms) {
          await engine.run(pauseBudget, [closed], [Math.max(1, Math.ceil(ms))]);
        },
      };
    },
  };
}

function pairOf(reply: unknown): [number, number] {
  const [one, other] = Array.isArray(reply) ? reply : [];
  return [Number(one ?? 0), Number(other ?? 0)];
}
