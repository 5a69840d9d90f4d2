/**
 * Fingerprints of tools in the engine: a hash for each server, whose fields are its lists, changes
 * and definitions, and a sorted set of the servers by when a list of theirs was stored. An update is
 * one script. Not here: what is accepted (upstream/catalog).
 */
import type { Limits } from "../limits.ts";
import type { Log } from "../log.ts";
import type { RedisConnection, RedisScript } from "../redis/redis_connection.ts";
import type { PinnedList, PinStore, PinUpdate, StoredChange } from "../upstream/pins.ts";
import { toChangeBody, toListBody, toPinnedList, toStoredChange } from "./pin_bodies.ts";

/** What the store is made from. */
export interface RedisPinOptions {
  readonly engine: RedisConnection;
  readonly limits: Pick<Limits, "pinnedServersMax">;
  readonly log: Log;
}

const marks = { list: "list ", change: "change ", definition: "definition " } as const;

const head = `local root = KEYS[1]
local function of(server) return root .. ':of:' .. server end
`;

/**
 * server, bound of servers, whether a list is stored, whether definitions are kept; the numbers of
 * fields to drop, of fields to keep, and of fields to put, and those.
 */
const updatePins: RedisScript = {
  lua: `${head}local server, max, hasList, keeps, drops, kept = unpack(ARGV, 1, 6)
local at = 7
for _ = 1, drops do
  redis.call('HDEL', of(server), ARGV[at])
  at = at + 1
end
local stays = {}
for _ = 1, kept do
  stays[ARGV[at]] = true
  at = at + 1
end
if keeps == '1' then
  for _, field in ipairs(redis.call('HKEYS', of(server))) do
    local isDefinition = string.sub(field, 1, ${marks.definition.length}) == '${marks.definition}'
    if isDefinition and not stays[field] then redis.call('HDEL', of(server), field) end
  end
end
local number = redis.call('INCR', root .. ':count')
for field = at, #ARGV, 2 do
  local text = ARGV[field + 1]
  if string.sub(ARGV[field], 1, ${marks.list.length}) == '${marks.list}' then
    text = number .. ' ' .. text
  end
  redis.call('HSET', of(server), ARGV[field], text)
end
if hasList == '1' then redis.call('ZADD', root, number, server)
else redis.call('ZADD', root, 'NX', 0, server) end
if redis.call('EXISTS', of(server)) == 0 then redis.call('ZREM', root, server) end
for _, oldest in ipairs(redis.call('ZRANGE', root, 0, -1 - max)) do
  redis.call('DEL', of(oldest))
  redis.call('ZREM', root, oldest)
end
return 0`,
};

const removePins: RedisScript = {
  lua: `${head}for _, server in ipairs(ARGV) do
  redis.call('DEL', of(server))
  redis.call('ZREM', root, server)
end
return 0`,
};

/** The beginning of the fields' names: for each server its name, how many, fields and texts. */
const readPins: RedisScript = {
  lua: `${head}local found = {}
local servers = #ARGV > 1 and {ARGV[2]} or redis.call('ZRANGE', root, 0, -1)
for _, server in ipairs(servers) do
  local rows = redis.call('HGETALL', of(server))
  for at = 1, #rows, 2 do
    if string.sub(rows[at], 1, #ARGV[1]) == ARGV[1] then
      table.insert(found, server)
      table.insert(found, rows[at])
      table.insert(found, rows[at + 1])
    end
  end
end
return found`,
};

/** Makes the store. */
export function createRedisPins({ engine, limits, log }: RedisPinOptions): PinStore {
  const root = engine.key("pins");
  const read = async (mark: string, ...servers: readonly string[]) =>
    toTriples(await engine.run(readPins, [root], [mark, ...servers]));
  return {
    async changes() {
      const rows = (await read(marks.change)).flatMap(({ server, field, text }) => {
        const [tool = "", fingerprint = "", at = 0] = JSON.parse(text.slice(0, text.indexOf("\n")));
        const columns = { tool, fingerprint, at: Number(at) };
        const change = toStoredChange(columns, text.slice(text.indexOf("\n") + 1));
        if (change === undefined) {
          log.warn("Cannot read a stored change of a tool; it is ignored", { field });
        }
        return change === undefined ? [] : [{ server, change }];
      });
      const byServer = Map.groupBy(rows, ({ server }) => server);
      return new Map(
        [...byServer].map(([server, all]) => [server, all.map(({ change }) => change).sort(byAge)]),
      );
    },
    async lists(server) {
      const rows = (await read(marks.list, server)).map(({ field, text }) => {
        const cut = text.indexOf(" ");
        const [principal = "", variant = ""] = JSON.parse(field.slice(marks.list.length));
        const list = toPinnedList({ principal, variant }, text.slice(cut + 1));
        if (list === undefined) log.warn("Cannot read stored fingerprints; they are ignored");
        return { number: Number(text.slice(0, cut)), list };
      });
      return rows.sort((one, other) => one.number - other.number)
        .flatMap(({ list }) => list ?? []);
    },
    async definition(server, fingerprint) {
      const field = marks.definition + fingerprint;
      const text = await engine.send(["HGET", `${root}:of:${server}`, field]);
      return typeof text === "string" ? text : undefined;
    },
    async update(server, update) {
      await engine.run(updatePins, [root], toArguments(server, update, limits.pinnedServersMax));
    },
    async remove(servers) {
      if (servers.length > 0) await engine.run(removePins, [root], servers);
    },
    async servers() {
      const found = await engine.send(["ZRANGE", root, "0", "-1"]);
      return Array.isArray(found) ? found.map(String) : [];
    },
  };
}

function toArguments(server: string, update: PinUpdate, max: number): (string | number)[] {
  const { lists = [], changes = [], definitions = new Map<string, string>() } = update;
  const { droppedLists = [], droppedChanges = [], droppedDefinitions = [], keptDefinitions } =
    update;
  const dropped = [
    ...droppedLists.map(listField),
    ...droppedChanges.map(changeField),
    ...droppedDefinitions.map((print) => marks.definition + print),
  ];
  const kept = [...keptDefinitions ?? []].map((print) => marks.definition + print);
  const put = [
    ...lists.map((list) => [listField(list), toListBody(list)]),
    ...changes.map((change) => [changeField(change), toChangeText(change)]),
    ...[...definitions].map(([print, body]) => [marks.definition + print, body]),
  ];
  return [
    server,
    max,
    lists.length > 0 ? 1 : 0,
    keptDefinitions === undefined ? 0 : 1,
    dropped.length,
    kept.length,
    ...dropped,
    ...kept,
    ...put.flat(),
  ];
}

const listField = ({ principal, variant }: Pick<PinnedList, "principal" | "variant">): string =>
  marks.list + JSON.stringify([principal, variant]);

const changeField = ({ tool, fingerprint }: Pick<StoredChange, "tool" | "fingerprint">): string =>
  marks.change + JSON.stringify([tool, fingerprint]);

/** What a body lacks, on a line of its own, and the body. */
function toChangeText(change: StoredChange): string {
  const { tool, fingerprint, at } = change;
  return `${JSON.stringify([tool, fingerprint, Math.round(at)])}\n${toChangeBody(change)}`;
}

function byAge(one: StoredChange, other: StoredChange): number {
  return one.at - other.at;
}

function toTriples(reply: unknown) {
  const triples: { readonly server: string; readonly field: string; readonly text: string }[] = [];
  if (!Array.isArray(reply)) return triples;
  for (let at = 0; at + 2 < reply.length; at += 3) {
    const [server, field, text] = reply.slice(at, at + 3).map(String);
    triples.push({ server: server ?? "", field: field ?? "", text: text ?? "" });
  }
  return triples;
}
