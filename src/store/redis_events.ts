/**
 * Event streams of sessions in the engine, for clients that resume them at another time or instance.
 * A session has a hash with a field for each of its streams, and one stream of the engine with their
 * frames, encrypted; both end with the session. Frames are bounded by count, bytes and age for each
 * session, and by bytes for all: the sessions whose last frame is oldest lose theirs first. A batch
 * is one script, which does the same when it runs twice.
 */
import type { Fence } from "../instances/fence.ts";
import type { Limits } from "../limits.ts";
import type { Log } from "../log.ts";
import type { RequestId } from "../model.ts";
import type { RedisConnection, RedisScript } from "../redis/redis_connection.ts";
import type { Sealer } from "../seal.ts";
import type {
  EventStore,
  StoredFrame,
  StoredStream,
  StreamChange,
} from "../session/event_store.ts";
import { fenceHead, reportOutrun, toFenceText } from "./redis_fence.ts";

/** What the store is made from. */
export interface RedisEventOptions {
  readonly engine: RedisConnection;
  readonly fence: Fence;
  readonly sealer: Pick<Sealer, "encrypt" | "decrypt">;
  readonly limits: Pick<
    Limits,
    | "replayAgeMs"
    | "engineFramesBytesMax"
    | "engineFramesTotalBytesMax"
    | "engineFramesMax"
    | "engineSessionGraceMs"
  >;
  readonly sessionTimeoutMs: number;
  readonly log: Log;
}

const purpose = "frames";

/**
 * Bounds, then for each change: session, the owner's number, stream, its row ("" to forget it), up to
 * which position frames are dropped, the first and the last position of its frames, and those,
 * encrypted. Returns the sessions that have another owner since, of which nothing was written.
 */
const saveStreams: RedisScript = {
  lua: `${fenceHead}local refused = {}
local root = KEYS[1]
local ttl, age, framesMax, bytesMax, totalMax = unpack(ARGV, 1, 5)
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function frames(session) return root .. ':x:' .. session end
local function count(session, bytes)
  redis.call('HINCRBY', root .. ':bytes', session, bytes)
  redis.call('INCRBY', root .. ':total', bytes)
end
local function dropFirst(session, test)
  while true do
    local entry = redis.call('XRANGE', frames(session), '-', '+', 'COUNT', 1)[1]
    if not entry or not test(entry) then break end
    redis.call('XDEL', frames(session), entry[1])
    count(session, -#entry[2][8])
  end
end
for at = 6, #ARGV, 8 do
  local session, number, stream, row, dropped, first, last, sealed = unpack(ARGV, at, at + 7)
  local streams = root .. ':e:' .. session
  if outrun(session, number) then
    table.insert(refused, session)
  elseif row == '' then
    redis.call('HDEL', streams, stream)
    dropFirst(session, function(entry) return entry[2][2] == stream end)
  elseif redis.call('EXISTS', root .. ':s:' .. session) == 1 then
    redis.call('HSET', streams, stream, row)
    redis.call('PEXPIRE', streams, ttl)
    if tonumber(dropped) > 0 then
      dropFirst(session, function(entry)
        return entry[2][2] == stream and tonumber(entry[2][6]) <= tonumber(dropped)
      end)
    end
    if sealed ~= '' then
      redis.call('XADD', frames(session), '*', 'stream', stream, 'first', first, 'last', last,
        'sealed', sealed)
      redis.call('ZADD', root .. ':streams', now, session)
      count(session, #sealed)
      local oldest = now - age
      dropFirst(session, function(entry)
        return tonumber(string.match(entry[1], '^%d+')) < oldest
          or redis.call('XLEN', frames(session)) > tonumber(framesMax)
          or tonumber(redis.call('HGET', root .. ':bytes', session)) > tonumber(bytesMax)
      end)
      redis.call('PEXPIRE', frames(session), age)
    end
  end
end
for _ = 1, 64 do
  local oldest = redis.call('ZRANGE', root .. ':streams', 0, 0, 'WITHSCORES')
  local isOld = oldest[1] and tonumber(oldest[2]) < now - age
  if not isOld and tonumber(redis.call('GET', root .. ':total') or 0) <= tonumber(totalMax) then break end
  if not oldest[1] then break end
  redis.call('DEL', frames(oldest[1]))
  count(oldest[1], -(redis.call('HGET', root .. ':bytes', oldest[1]) or 0))
  redis.call('HDEL', root .. ':bytes', oldest[1])
  redis.call('ZREM', root .. ':streams', oldest[1])
end
return refused`,
};

/** session and stream: its row, and its frames with their first positions. */
const findStream: RedisScript = {
  lua: `local row = redis.call('HGET', KEYS[1] .. ':e:' .. ARGV[1], ARGV[2])
if not row then return false end
local found = {row}
for _, entry in ipairs(redis.call('XRANGE', KEYS[1] .. ':x:' .. ARGV[1], '-', '+')) do
  if entry[2][2] == ARGV[2] then
    table.insert(found, entry[2][4])
    table.insert(found, entry[2][8])
  end
end
return found`,
};

/** Opens the store. */
export function openRedisEvents(options: RedisEventOptions): EventStore {
  const { engine, fence, limits, sessionTimeoutMs } = options;
  const root = engine.key("sessions");
  const roots = [root, engine.key("owners")];
  const bounds = [
    sessionTimeoutMs + limits.engineSessionGraceMs,
    limits.replayAgeMs,
    limits.engineFramesMax,
    limits.engineFramesBytesMax,
    limits.engineFramesTotalBytesMax,
  ];
  return {
    async save(changes) {
      const sealed = await Promise.all(changes.map((change) => seal(options.sealer, change)));
      const numbers = new Map(changes.map(({ session }) => [session, fence.numberOf(session)]));
      const args = changes.flatMap((change, at) =>
        toArguments(change, numbers.get(change.session), sealed[at] ?? "")
      );
      const refused = await engine.run(saveStreams, roots, [...bounds, ...args]);
      reportOutrun(fence, refused, numbers);
    },
    find: (session, stream) => find(options, root, session, stream),
  };
}

function toArguments(
  change: StreamChange,
  number: number | undefined,
  sealed: string,
): (string | number)[] {
  const { session, stream, isCall, requests, first, frames, droppedTo, isForgotten } = change;
  const row = isForgotten ? "" : JSON.stringify({ isCall, requests });
  const last = first + frames.length - 1;
  return [session, toFenceText(number), stream, row, droppedTo, first, last, sealed];
}

/** The frames of a change as they are stored; undefined if there are none. */
async function seal(
  sealer: RedisEventOptions["sealer"],
  { frames, session, stream, first }: StreamChange,
): Promise<string | undefined> {
  if (frames.length === 0) return undefined;
  const decoder = new TextDecoder();
  const texts = frames.map((frame) => typeof frame === "string" ? frame : decoder.decode(frame));
  return await sealer.encrypt(purpose, { frames: texts }, bindingOf(session, stream, first));
}

/** What moves to another place cannot be read there. */
function bindingOf(session: string, stream: string, first: number): string {
  return `${session} ${stream} ${first}`;
}

async function find(
  { engine, sealer }: RedisEventOptions,
  root: string,
  session: string,
  stream: string,
): Promise<StoredStream | undefined> {
  const found = await engine.run(findStream, [root], [session, stream]);
  if (!Array.isArray(found)) return undefined;
  const [row, ...chunks] = found.map(String);
  // A batch that was written twice has its frames twice.
  const frames = new Map<number, string>();
  for (let at = 0; at + 1 < chunks.length; at += 2) {
    const first = Number(chunks[at]);
    const opened = await sealer.decrypt(
      purpose,
      chunks[at + 1] ?? "",
      bindingOf(session, stream, first),
    );
    const texts = opened?.["frames"];
    if (!Array.isArray(texts)) continue;
    for (const [place, text] of texts.entries()) {
      if (typeof text === "string") frames.set(first + place, text);
    }
  }
  const sorted: StoredFrame[] = [...frames].sort(([one], [other]) => one - other)
    .map(([position, frame]) => ({ position, frame }));
  return { ...toStream(row ?? ""), frames: sorted };
}

/** What a row says; nothing is known of one that another version wrote. */
function toStream(text: string): Pick<StoredStream, "isCall" | "requests"> {
  try {
    const { isCall, requests } = JSON.parse(text) as { isCall?: unknown; requests?: unknown };
    const ids: readonly unknown[] = Array.isArray(requests) ? requests : [];
    return {
      isCall: isCall === true,
      requests: ids.filter((id): id is RequestId =>
        typeof id === "string" || typeof id === "number"
      ),
    };
  } catch {
    return { isCall: false, requests: [] };
  }
}
