/**
 * Sessions in SQLite, read on demand: a live session keeps what it needs of its record, so the
 * gateway reads none at its start. Sessions that are created in one turn of the event loop are
 * written in one transaction. Only activity is written late, in batches; a crash loses at most
 * `activityFlushMs` of it. Not here: the tables and the lock on the file (database.ts), which
 * sessions expired (session_expiry.ts), and closing the database, which other stores share.
 */
import type { Clock } from "../clock.ts";
import { type Backlog, type BacklogLimits, createBacklog } from "./backlog.ts";
import { transact } from "./database.ts";
import { GatewayError } from "../errors.ts";
import type { Limits } from "../limits.ts";
import type { Log } from "../log.ts";
import type { Runtime, SqlDatabase } from "../runtime/runtime.ts";
import { inSlices } from "./key_slices.ts";
import { createSessionEviction, type SessionEviction } from "./session_eviction.ts";
import { findExpired, removeExpired } from "./session_expiry.ts";
import { consumerIn, toRecord, toRow } from "./session_row.ts";
import { prepareSessions } from "./session_sql.ts";
import { access } from "./store_access.ts";
import { createStoredCounts, type StoredCounts } from "./stored_counts.ts";
import type { SessionPatch, SessionRecord, SessionStore } from "../session/session_store.ts";

/** What the store is made from; the database has its tables already. */
export interface SqliteSessionStoreOptions {
  readonly database: SqlDatabase;
  readonly clock: Clock;
  readonly limits:
    & BacklogLimits
    & Pick<
      Limits,
      | "activityFlushMs"
      | "expiryBatchMax"
      | "sessionGroupMax"
      | "sessionsMax"
      | "evictionBatchMax"
      | "evictionPauseMs"
    >;
  readonly log: Log;
  readonly nextTurn: Runtime["nextTurn"];
}

/** A session whose creation is not on disk yet. */
interface NewSession {
  readonly record: SessionRecord;
  readonly resolve: () => void;
  readonly reject: (fault: unknown) => void;
}

/** The state of the open store. */
interface SqliteSessions extends SqliteSessionStoreOptions {
  /** Keys of sessions that have ended, while their removal is not on disk. */
  readonly doomed: Backlog<true>;
  readonly sql: ReturnType<typeof prepareSessions>;
  /** Activity that is not on disk yet, by key. */
  readonly touched: Map<string, number>;
  /** Sessions created in this turn, which the next transaction writes. */
  group: NewSession[];
  /** Sessions that the last sweep found expired, the longest unused first. */
  expired: string[];
  readonly counts: StoredCounts;
  readonly eviction: SessionEviction;
  cancelFlush: (() => void) | undefined;
  flushFails: boolean;
  isClosed: boolean;
}

/** Opens the store. Throws when the table cannot be read. */
export function openSqliteSessionStore(options: SqliteSessionStoreOptions): SessionStore {
  const sql = prepareSessions(options.database);
  const sessions: SqliteSessions = {
    ...options,
    sql,
    doomed: createBacklog({
      ...options,
      what: "ends of sessions",
      // Only sessions that are stored can be doomed.
      changesMax: options.limits.sessionsMax,
      write: (_, key) => void remove(sessions, key),
    }),
    touched: new Map(),
    group: [],
    expired: [],
    counts: createStoredCounts({
      nextTurn: options.nextTurn,
      isClosed: () => sessions.isClosed,
      read: (...keys) => access(sessions, "count the sessions", () => sql.counts.all(...keys)),
    }),
    eviction: createSessionEviction(options),
    cancelFlush: undefined,
    flushFails: false,
    isClosed: false,
  };
  const { touched, counts } = sessions;
  return {
    create: (record) =>
      new Promise((resolve, reject) => join(sessions, { record, resolve, reject })),
    find: async (key) => access(sessions, "read a session", () => find(sessions, key)),
    touch(key, at) {
      if (sessions.isClosed || at <= (touched.get(key) ?? -Infinity)) return;
      touched.set(key, at);
      scheduleFlush(sessions);
    },
    update: async (key, patch) =>
      access(sessions, "change a session", () => update(sessions, key, patch)),
    async subscribe(key, uri) {
      access(sessions, "keep a subscription", () => sql.subscribe.run(uri, key));
    },
    async unsubscribe(key, uri) {
      access(sessions, "end a subscription", () => sql.unsubscribe.run(key, uri));
    },
    async remove(key) {
      try {
        return access(sessions, "remove a session", () => remove(sessions, key));
      } catch (fault) {
        sessions.doomed.keep(key, true);
        throw fault;
      }
    },
    shift: (ms, latest) => shift(sessions, ms, latest),
    expire: (before, unusedBefore = before) => expire(sessions, before, unusedBefore),
    giveWay: async (...which) => giveWay(sessions, ...which),
    async earliest(consumer) {
      flushNow(sessions);
      return access(sessions, "look for room", () => sessions.eviction.earliest(consumer));
    },
    count: counts.all,
    countOf: counts.of,
    greediest: counts.greediest,
    async close() {
      if (sessions.isClosed) return;
      commitGroup(sessions);
      sessions.isClosed = true;
      sessions.cancelFlush?.();
      flush(sessions);
      sessions.doomed.close();
    },
  };
}

/** Adds a session to those that the next transaction writes. */
function join(sessions: SqliteSessions, session: NewSession): void {
  const { group, limits, nextTurn } = sessions;
  group.push(session);
  if (group.length >= limits.sessionGroupMax) commitGroup(sessions);
  else if (group.length === 1) nextTurn(() => commitGroup(sessions));
}

/** Writes the sessions of one turn. A fault fails all of them and no other sessions. */
function commitGroup(sessions: SqliteSessions): void {
  const { group } = sessions;
  if (group.length === 0) return;
  sessions.group = [];
  const action = group.length === 1 ? "create a session" : `create ${group.length} sessions`;
  try {
    const areNew = access(sessions, action, () => create(sessions, group));
    for (const [at, { resolve, reject }] of group.entries()) {
      if (areNew[at]) resolve();
      else reject(new GatewayError("internal", "Cannot create session: its key is taken"));
    }
  } catch (fault) {
    for (const { reject } of group) reject(fault);
  }
}

/** Adds sessions in one transaction; false for each whose key is taken. */
function create(sessions: SqliteSessions, group: readonly NewSession[]): boolean[] {
  const { database, touched, counts } = sessions;
  const isOneRow = group.length === 1 && group[0]?.record.subscriptions.length === 0;
  const work = () => group.map(({ record }) => insert(sessions, record));
  const areNew = isOneRow ? work() : transact(database, work);
  for (const [at, { record }] of group.entries()) {
    if (!areNew[at]) continue;
    touched.delete(record.key);
    counts.add(record.key, record.consumer, 1);
  }
  return areNew;
}

function insert({ sql }: SqliteSessions, record: SessionRecord): boolean {
  if (sql.insert.run(...toRow(record)).changes === 0) return false;
  for (const uri of record.subscriptions) sql.subscribe.run(uri, record.key);
  return true;
}

function find(sessions: SqliteSessions, key: string): SessionRecord | undefined {
  const { sql, log, touched, doomed } = sessions;
  if (doomed.get(key) !== undefined) return undefined;
  const row = sql.find.get(key);
  if (row === undefined) return undefined;
  const subscriptions = sql.subscriptions.all(key).map(({ uri }) => String(uri));
  const record = toRecord(row, subscriptions);
  if (record === undefined) {
    log.warn("Cannot read a stored session; its client must initialize again", { key });
    remove(sessions, key);
    return undefined;
  }
  const activeAt = Math.max(record.activeAt, touched.get(key) ?? -Infinity);
  return { ...record, activeAt };
}

function update({ sql }: SqliteSessions, key: string, { logLevel, owner }: SessionPatch): boolean {
  if (owner !== undefined && sql.setOwner.run(owner, key).changes === 0) return false;
  if (logLevel !== undefined) return sql.setLogLevel.run(logLevel, key).changes > 0;
  return owner !== undefined || sql.find.get(key) !== undefined;
}

function remove(sessions: SqliteSessions, key: string): boolean {
  const [row] = sessions.sql.remove.all(key);
  sessions.touched.delete(key);
  if (row !== undefined) sessions.counts.add(key, consumerIn(row), -1);
  return row !== undefined;
}

function giveWay(
  sessions: SqliteSessions,
  ...which: Parameters<SessionEviction["take"]>
): string | undefined {
  // What was used a moment ago must not look unused.
  flushNow(sessions);
  const key = access(sessions, "make room", () => sessions.eviction.take(...which));
  if (key === undefined) return undefined;
  sessions.touched.delete(key);
  sessions.counts.add(key, which[0], -1);
  return key;
}

async function shift(sessions: SqliteSessions, ms: number, latest: number): Promise<void> {
  const { sql, database, touched, nextTurn } = sessions;
  const action = "correct the times of sessions";
  access(sessions, action, () =>
    transact(database, () => {
      writeActivity(sessions);
      if (ms !== 0) sql.shiftActive.run(ms, latest);
    }));
  touched.clear();
  if (ms !== 0) return;
  // Each start does this, and it hardly ever finds anything to correct.
  await inSlices(
    { nextTurn, isClosed: () => sessions.isClosed },
    (first, end) => access(sessions, action, () => sql.clampActive.run(latest, first, end)),
  );
}

async function expire(
  sessions: SqliteSessions,
  before: number,
  unusedBefore: number,
): Promise<readonly string[]> {
  const { sql: { expiry }, database, limits, nextTurn, touched } = sessions;
  const action = "remove expired sessions";
  if (sessions.expired.length === 0) {
    sessions.expired = await findExpired({
      read: (first, end) =>
        access(sessions, action, () => expiry.due.all(first, end, before, unusedBefore)),
      nextTurn,
      isClosed: () => sessions.isClosed,
    });
    if (sessions.isClosed) return [];
  }
  const removed = access(sessions, action, () =>
    transact(database, () => {
      // Write activity first, so that sessions in use do not expire.
      writeActivity(sessions);
      return removeExpired(expiry, sessions.expired, [before, unusedBefore], limits.expiryBatchMax);
    }));
  touched.clear();
  for (const { key, consumer } of removed) sessions.counts.add(key, consumer, -1);
  return removed.map(({ key }) => key);
}

function writeActivity({ sql, touched }: SqliteSessions): void {
  for (const [key, at] of touched) sql.setActive.run(at, key);
}

function flush(sessions: SqliteSessions): void {
  const { database, touched, log } = sessions;
  sessions.cancelFlush = undefined;
  if (touched.size === 0) return;
  try {
    transact(database, () => writeActivity(sessions));
    touched.clear();
    sessions.flushFails = false;
  } catch (fault) {
    // Once for each outage: a full disk would fill the log too.
    if (!sessions.flushFails) log.error("Cannot write the last activity of sessions", { fault });
    sessions.flushFails = true;
    if (!sessions.isClosed) scheduleFlush(sessions);
  }
}

function flushNow(sessions: SqliteSessions): void {
  sessions.cancelFlush?.();
  flush(sessions);
}

function scheduleFlush(sessions: SqliteSessions): void {
  const { clock, limits } = sessions;
  sessions.cancelFlush ??= clock.after(limits.activityFlushMs, () => flush(sessions));
}
