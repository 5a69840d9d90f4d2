/**
 * Sessions in SQLite, read on demand: a live session keeps what it needs of its record, so a start
 * of the gateway reads none. Only activity is written late, in batches; a crash loses at most
 * `activityFlushMs` of it. Not here: the tables and the lock on the file (database.ts), and closing
 * the database, which other stores share.
 */
import type { Clock } from "../clock.ts";
import { transact } from "./database.ts";
import { GatewayError } from "../errors.ts";
import type { Limits } from "../limits.ts";
import type { Log } from "../log.ts";
import type { SqlDatabase } from "../runtime/runtime.ts";
import { toRecord, toRow } from "./session_row.ts";
import type { SessionPatch, SessionRecord, SessionStore } from "../session/session_store.ts";

/** What the store is made from; the database has its tables already. */
export interface SqliteSessionStoreOptions {
  readonly database: SqlDatabase;
  readonly clock: Clock;
  readonly limits: Pick<Limits, "activityFlushMs" | "expiryBatchMax">;
  readonly log: Log;
}

/** The state of the open store. */
interface SqliteSessions extends SqliteSessionStoreOptions {
  readonly sql: ReturnType<typeof prepare>;
  /** Activity that is not on disk yet, by key. */
  readonly touched: Map<string, number>;
  count: number;
  cancelFlush: (() => void) | undefined;
  flushFails: boolean;
  isClosed: boolean;
}

/** Opens the store. Throws when the table cannot be read. */
export function openSqliteSessionStore(options: SqliteSessionStoreOptions): SessionStore {
  const sql = prepare(options.database);
  const sessions: SqliteSessions = {
    ...options,
    sql,
    touched: new Map(),
    count: Number(sql.count.get()?.["count"] ?? 0),
    cancelFlush: undefined,
    flushFails: false,
    isClosed: false,
  };
  const { touched } = sessions;
  return {
    async create(record) {
      const isNew = access(sessions, "create a session", () => create(sessions, record));
      if (!isNew) throw new GatewayError("internal", "Cannot create session: its key is taken");
    },
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
    remove: async (key) => access(sessions, "remove a session", () => remove(sessions, key)),
    async shift(ms, latest) {
      access(sessions, "correct the times of sessions", () => shift(sessions, ms, latest));
      touched.clear();
    },
    async expire(before) {
      const expired = access(sessions, "remove expired sessions", () => expire(sessions, before));
      touched.clear();
      sessions.count -= expired.length;
      return expired;
    },
    count: async () => sessions.count,
    async close() {
      if (sessions.isClosed) return;
      sessions.isClosed = true;
      sessions.cancelFlush?.();
      flush(sessions);
    },
  };
}

/** Runs `work`; a fault is logged, and its caller learns only that the store is unavailable. */
function access<Value>(
  { isClosed, log }: SqliteSessions,
  action: string,
  work: () => Value,
): Value {
  try {
    if (isClosed) throw new Error(`Cannot ${action}: the store is closed`);
    return work();
  } catch (fault) {
    log.error(`Cannot ${action}`, { fault });
    throw new GatewayError("store_unavailable", undefined, { cause: fault });
  }
}

/** Adds a session; false if the key is taken. */
function create(sessions: SqliteSessions, record: SessionRecord): boolean {
  const { sql, database, touched } = sessions;
  if (sql.find.get(record.key) !== undefined) return false;
  if (record.subscriptions.length === 0) insert(sessions, record);
  else transact(database, () => insert(sessions, record));
  touched.delete(record.key);
  sessions.count += 1;
  return true;
}

function insert({ sql }: SqliteSessions, record: SessionRecord): void {
  sql.insert.run(...toRow(record));
  for (const uri of record.subscriptions) sql.subscribe.run(uri, record.key);
}

function find(sessions: SqliteSessions, key: string): SessionRecord | undefined {
  const { sql, log, touched } = sessions;
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
  const { changes } = sessions.sql.remove.run(key);
  sessions.touched.delete(key);
  sessions.count -= changes;
  return changes > 0;
}

function shift(sessions: SqliteSessions, ms: number, latest: number): void {
  const { sql, database } = sessions;
  transact(database, () => {
    writeActivity(sessions);
    if (ms === 0) sql.clampActive.run(latest, latest);
    else sql.shiftActive.run(ms, latest);
  });
}

function expire(sessions: SqliteSessions, before: number): readonly string[] {
  const { sql, database, limits } = sessions;
  return transact(database, () => {
    // Write activity first, so that sessions in use do not expire.
    writeActivity(sessions);
    return sql.expire.all(before, limits.expiryBatchMax).map(({ key }) => String(key));
  });
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

function scheduleFlush(sessions: SqliteSessions): void {
  const { clock, limits } = sessions;
  sessions.cancelFlush ??= clock.after(limits.activityFlushMs, () => flush(sessions));
}

function prepare(database: SqlDatabase) {
  return {
    count: database.prepare("SELECT count(*) AS count FROM sessions"),
    insert: database.prepare(
      `INSERT INTO sessions (key, surface, principal, revision, client_info, capabilities,
         log_level, created_at, active_at, owner) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    ),
    find: database.prepare("SELECT * FROM sessions WHERE key = ?"),
    setActive: database.prepare("UPDATE sessions SET active_at = max(active_at, ?) WHERE key = ?"),
    shiftActive: database.prepare("UPDATE sessions SET active_at = min(active_at + ?, ?)"),
    // Uses the index, so that a start reads little.
    clampActive: database.prepare("UPDATE sessions SET active_at = ? WHERE active_at > ?"),
    setLogLevel: database.prepare("UPDATE sessions SET log_level = ? WHERE key = ?"),
    setOwner: database.prepare("UPDATE sessions SET owner = ? WHERE key = ?"),
    remove: database.prepare("DELETE FROM sessions WHERE key = ?"),
    expire: database.prepare(
      `DELETE FROM sessions WHERE key IN
         (SELECT key FROM sessions WHERE active_at < ? ORDER BY active_at LIMIT ?) RETURNING key`,
    ),
    subscriptions: database.prepare(
      "SELECT uri FROM subscriptions WHERE session = ? ORDER BY rowid",
    ),
    subscribe: database.prepare(
      "INSERT OR IGNORE INTO subscriptions (session, uri) SELECT key, ? FROM sessions WHERE key = ?",
    ),
    unsubscribe: database.prepare("DELETE FROM subscriptions WHERE session = ? AND uri = ?"),
  };
}
