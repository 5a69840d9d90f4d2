/**
 * Sessions in the engine. Each change is one script, so that it is made whole or not at all; the
 * client library sends those of one turn together. Activity alone is written late, in batches. While
 * the engine is away, live sessions go on, and what ended meanwhile is removed when it returns. Not
 * here: the keys (redis_session_scripts.ts).
 */
import type { Clock } from "../clock.ts";
import { GatewayError } from "../errors.ts";
import { type Fence, outrunError } from "../instances/fence.ts";
import type { Limits } from "../limits.ts";
import type { Log } from "../log.ts";
import type { RedisConnection, RedisScript } from "../redis/redis_connection.ts";
import { RedisFault } from "../redis/redis_fault.ts";
import type { SessionRecord, SessionStore } from "../session/session_store.ts";
import { outrunReply, reportOutrun, toFenceText } from "./redis_fence.ts";
import {
  setOf,
  subscriptionsIn,
  toColumns,
  toText,
  toTexts,
  toTime,
} from "./redis_session_fields.ts";
import * as scripts from "./redis_session_scripts.ts";
import { toPairs } from "./redis_table.ts";
import { createRetries, type Retries } from "./redis_retries.ts";
import { toRecord, toRow } from "./session_row.ts";

/** What the store is made from. */
export interface RedisSessionOptions {
  readonly engine: RedisConnection;
  readonly fence: Fence;
  readonly clock: Clock;
  readonly limits: Pick<
    Limits,
    | "activityFlushMs"
    | "expiryBatchMax"
    | "engineBatchMax"
    | "engineSessionGraceMs"
    | "sessionsMax"
    | "storageRetryMs"
  >;
  readonly sessionTimeoutMs: number;
  readonly log: Log;
}

/** The state of the open store. */
interface RedisSessions extends RedisSessionOptions {
  /** A key of a session that nothing uses ends by itself after this time. */
  readonly ttlMs: number;
  /** The roots of the sessions' keys and of the owners'. */
  readonly roots: readonly string[];
  /** Activity that is not written yet, by key. */
  readonly touched: Map<string, number>;
  /** The owner's numbers of sessions that have ended, while their removal is not written. */
  readonly doomed: Retries<{ readonly number: number | undefined }>;
  cancelFlush: (() => void) | undefined;
  flushFails: boolean;
  isClosed: boolean;
}

/** Opens the store. */
export function openRedisSessionStore(options: RedisSessionOptions): SessionStore {
  const { engine, limits, sessionTimeoutMs, clock, log } = options;
  const sessions: RedisSessions = {
    ...options,
    ttlMs: sessionTimeoutMs + limits.engineSessionGraceMs,
    roots: [engine.key("sessions"), engine.key("owners")],
    touched: new Map(),
    doomed: createRetries({
      what: "ends of sessions",
      clock,
      log,
      retryMs: limits.storageRetryMs,
      changesMax: limits.sessionsMax,
      async write({ number }, key) {
        await run(sessions, scripts.removeSession, key, toFenceText(number));
      },
    }),
    cancelFlush: undefined,
    flushFails: false,
    isClosed: false,
  };
  const { touched } = sessions;
  return {
    create: (record) => create(sessions, record),
    find: (key) => find(sessions, key),
    touch(key, at) {
      if (sessions.isClosed || at <= (touched.get(key) ?? -Infinity)) return;
      touched.set(key, at);
      scheduleFlush(sessions);
    },
    async update(key, { owner, logLevel }) {
      const values = [
        ...(owner === undefined ? [] : ["owner", owner]),
        ...(logLevel === undefined ? [] : ["log_level", logLevel ?? ""]),
      ];
      return await runAsOwner(sessions, scripts.updateSession, key, ...values) === 1;
    },
    async subscribe(key, uri) {
      await runAsOwner(sessions, scripts.subscribeSession, key, scripts.subscriptionMark + uri);
    },
    async unsubscribe(key, uri) {
      await runAsOwner(sessions, scripts.unsubscribeSession, key, scripts.subscriptionMark + uri);
    },
    remove: (key) => remove(sessions, key),
    shift: (ms, latest) => shift(sessions, ms, latest),
    expire: (before, unusedBefore = before) => expire(sessions, before, unusedBefore),
    async giveWay(consumer, kind, before) {
      // What was used a moment ago must not look unused.
      await flush(sessions);
      const key = await run(sessions, scripts.giveWaySession, consumer, kind, toText(before));
      if (typeof key !== "string") return undefined;
      touched.delete(key);
      return key;
    },
    async earliest(consumer) {
      await flush(sessions);
      const [unused, used] = toTexts(
        await run(sessions, scripts.earliestSessions, setOf(consumer)),
      );
      return { used: toTime(used), unused: toTime(unused) };
    },
    count: () => count(sessions, undefined),
    countOf: (consumer) => count(sessions, consumer),
    greediest: async (max) => toTexts(await run(sessions, scripts.greediestConsumers, max)),
    async close() {
      if (sessions.isClosed) return;
      sessions.cancelFlush?.();
      await flush(sessions);
      await sessions.doomed.close();
      sessions.isClosed = true;
    },
  };
}

function run(
  { engine, roots, isClosed, log }: RedisSessions,
  script: RedisScript,
  ...args: readonly (string | number)[]
) {
  if (!isClosed) return engine.run(script, roots, args);
  log.error("Cannot use the stored sessions: the store is closed");
  return Promise.reject(new GatewayError("store_unavailable"));
}

/** Runs a script of a session that this instance owns; rejects if another one does since. */
async function runAsOwner(
  sessions: RedisSessions,
  script: RedisScript,
  key: string,
  ...args: readonly string[]
) {
  const { fence } = sessions;
  const number = fence.numberOf(key);
  const reply = await run(sessions, script, key, toFenceText(number), ...args);
  if (reply !== outrunReply) return reply;
  fence.outrun(key, number ?? 0);
  throw outrunError();
}

async function create(sessions: RedisSessions, record: SessionRecord): Promise<void> {
  const { key, consumer, createdAt, activeAt, subscriptions } = record;
  const { touched } = sessions;
  const noted = touched.get(key);
  const values = toRow(record).map((value) =>
    typeof value === "number" ? toText(value) : value ?? ""
  );
  const fields = [
    ...scripts.sessionFields.flatMap((field, at) => [field, String(values[at])]),
    ...subscriptions.flatMap((uri, at) => [scripts.subscriptionMark + uri, at + 1]),
    "subscribed",
    subscriptions.length,
  ];
  const kind = activeAt === createdAt ? "new" : "used";
  const times = [toText(activeAt), kind, sessions.ttlMs];
  if (await run(sessions, scripts.createSession, key, consumer, ...times, ...fields) !== 1) {
    throw new GatewayError("internal", "Cannot create session: its key is taken");
  }
  // What was noted of this key before was not of this session.
  if (touched.get(key) === noted) touched.delete(key);
}

async function find(sessions: RedisSessions, key: string): Promise<SessionRecord | undefined> {
  const { doomed, touched, log } = sessions;
  if (doomed.get(key) !== undefined) return undefined;
  const fields = toPairs(toTexts(await run(sessions, scripts.findSession, key)));
  if (fields.length === 0) return undefined;
  const record = toRecord(toColumns(fields), subscriptionsIn(fields));
  if (record === undefined) {
    log.warn("Cannot read a stored session; its client must initialize again", { key });
    await remove(sessions, key);
    return undefined;
  }
  return { ...record, activeAt: Math.max(record.activeAt, touched.get(key) ?? -Infinity) };
}

async function remove(sessions: RedisSessions, key: string): Promise<boolean> {
  const { touched, doomed, fence } = sessions;
  touched.delete(key);
  const number = fence.numberOf(key);
  try {
    return await runAsOwner(sessions, scripts.removeSession, key) === 1;
  } catch (fault) {
    // One that another instance owns goes on there.
    if (fault instanceof RedisFault) doomed.keep(key, { number });
    throw fault;
  }
}

async function expire(
  sessions: RedisSessions,
  before: number,
  unusedBefore: number,
): Promise<readonly string[]> {
  const { limits: { expiryBatchMax, engineBatchMax }, sessionTimeoutMs } = sessions;
  // Write activity first, so that sessions in use do not expire.
  await flush(sessions);
  const bounds = [toText(before), toText(unusedBefore > before ? unusedBefore - before : 0)];
  const removed: string[] = [];
  while (removed.length < expiryBatchMax) {
    const max = Math.min(engineBatchMax, expiryBatchMax - removed.length);
    const keys = toTexts(
      await run(sessions, scripts.expireSessions, ...bounds, max, sessionTimeoutMs),
    );
    for (const key of keys) sessions.touched.delete(key);
    removed.push(...keys);
    if (keys.length < max) break;
  }
  return removed;
}

/** A script that is cut moves each session once, since the next run has the same name. */
async function shift(sessions: RedisSessions, ms: number, latest: number): Promise<void> {
  await flush(sessions);
  const { limits: { engineBatchMax } } = sessions;
  const change = crypto.randomUUID();
  for (const kind of ["new", "used"]) {
    const move = async (members: readonly string[]): Promise<void> => {
      if (members.length === 0) return;
      const times = [toText(ms), toText(latest)];
      await run(sessions, scripts.shiftSessions, kind, change, ...times, ...members);
    };
    if (ms === 0) {
      let found: readonly string[] = [];
      do {
        const later = [kind, toText(latest), engineBatchMax];
        found = toTexts(await run(sessions, scripts.laterSessions, ...later));
        await move(found);
      } while (found.length === engineBatchMax);
      continue;
    }
    let cursor = "0";
    do {
      const found = toTexts(
        await run(sessions, scripts.scanSessions, kind, cursor, engineBatchMax),
      );
      cursor = found[0] ?? "0";
      await move(toPairs(found.slice(1)).map(([member]) => member));
    } while (cursor !== "0");
  }
}

async function count(sessions: RedisSessions, consumer: string | undefined): Promise<number> {
  return Number(await run(sessions, scripts.countSessions, setOf(consumer)));
}

/** Writes the activity that is known now. A fault keeps it for the next time, and rejects nothing. */
async function flush(sessions: RedisSessions): Promise<void> {
  const { touched, limits, ttlMs, fence, log } = sessions;
  sessions.cancelFlush = undefined;
  const all = [...touched];
  for (let at = 0; at < all.length; at += limits.engineBatchMax) {
    const batch = all.slice(at, at + limits.engineBatchMax);
    const numbers = new Map(batch.map(([key]) => [key, fence.numberOf(key)]));
    const args = batch.flatMap((
      [key, time],
    ) => [key, toText(time), toFenceText(numbers.get(key))]);
    try {
      const refused = await run(sessions, scripts.touchSessions, ttlMs, ...args);
      reportOutrun(fence, refused, numbers);
    } catch (fault) {
      // Once for each outage.
      if (!sessions.flushFails) log.error("Cannot write the last activity of sessions", { fault });
      sessions.flushFails = true;
      if (!sessions.isClosed) scheduleFlush(sessions);
      return;
    }
    sessions.flushFails = false;
    for (const [key, time] of batch) if (touched.get(key) === time) touched.delete(key);
  }
}

function scheduleFlush(sessions: RedisSessions): void {
  const { clock, limits } = sessions;
  sessions.cancelFlush ??= clock.after(limits.activityFlushMs, () => void flush(sessions));
}
