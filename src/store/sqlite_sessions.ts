/**
 * Sessions in SQLite, read when they are asked for: who uses a session keeps what it needs of it, so
 * a start reads none. Activity alone is written behind, in batches: a crash costs at most
 * `activityFlushMs` of it. Not here: the tables and the lock on the file (database.ts), and closing
 * the database, which other parts share.
 */
import type { Clock } from "../clock.ts";
import { transact } from "./database.ts";
import { GatewayError } from "../errors.ts";
import type { Limits } from "../limits.ts";
import type { Log } from "../log.ts";
import type { SqlDatabase } from "../runtime/runtime.ts";
import { toRecord, toRow } from "./session_row.ts";
import type { SessionRecord, SessionStore } from "../session/session_store.ts";

/** What the store is made from; the database has its tables already. */
export interface SqliteSessionStoreOptions {
  readonly database: SqlDatabase;
  readonly clock: Clock;
  readonly limits: Pick<Limits, "activityFlushMs" | "expiryBatchMax">;
  readonly log: Log;
}

/** Opens the store. Throws when the table cannot be read. */
export function openSqliteSessionStore(options: SqliteSessionStoreOptions): SessionStore {
  const { database, clock, limits, log } = options;
  const sql = prepare(database);
  /** Activity that is not on disk yet, by key. */
  const touched = new Map<string, number>();
  let count = Number(sql.count.get()?.["count"] ?? 0);
  let cancelFlush: (() => void) | undefined;
  let flushFails = false;
  let closed = false;

  const access = <Value>(action: string, work: () => Value): Value => {
    try {
      if (closed) throw new Error(`Cannot ${action}: the store is closed`);
      return work();
    } catch (fault) {
      log.error(`Cannot ${action}`, { fault });
      throw new GatewayError("store_unavailable", undefined, { cause: fault });
    }
  };
  const writeActivity = (): void => {
    for (const [key, at] of touched) sql.setActive.run(at, key);
  };
  const flush = (): void => {
    cancelFlush = undefined;
    if (touched.size === 0) return;
    try {
      transact(database, writeActivity);
      touched.clear();
      flushFails = false;
    } catch (fault) {
      // Once for each outage: a full disk would fill the log too.
      if (!flushFails) log.error("Cannot write the last activity of sessions", { fault });
      flushFails = true;
      if (!closed) scheduleFlush();
    }
  };
  const scheduleFlush = (): void => {
    cancelFlush ??= clock.after(limits.activityFlushMs, flush);
  };
  const insert = (record: SessionRecord): void => {
    sql.insert.run(...toRow(record));
    for (const uri of record.subscriptions) sql.subscribe.run(uri, record.key);
  };
  const remove = (key: string): boolean => {
    const { changes } = sql.remove.run(key);
    touched.delete(key);
    count -= changes;
    return changes > 0;
  };

  return {
    async create(record) {
      const isTaken = access("create a session", () => {
        if (sql.find.get(record.key) !== undefined) return true;
        if (record.subscriptions.length === 0) insert(record);
        else transact(database, () => insert(record));
        touched.delete(record.key);
        count += 1;
        return false;
      });
      if (isTaken) throw new GatewayError("internal", "Cannot create session: its key is taken");
    },
    find(key) {
      return access("read a session", () => {
        const row = sql.find.get(key);
        if (row === undefined) return undefined;
        const subscriptions = sql.subscriptions.all(key).map(({ uri }) => String(uri));
        const record = toRecord(row, subscriptions);
        if (record === undefined) {
          log.warn("Cannot read a stored session; its client must initialize again", { key });
          remove(key);
          return undefined;
        }
        const activeAt = Math.max(record.activeAt, touched.get(key) ?? -Infinity);
        return { ...record, activeAt };
      });
    },
    touch(key, at) {
      if (closed || at <= (touched.get(key) ?? -Infinity)) return;
      touched.set(key, at);
      scheduleFlush();
    },
    async update(key, { logLevel }) {
      return access("change a session", () => {
        if (logLevel === undefined) return sql.find.get(key) !== undefined;
        return sql.setLogLevel.run(logLevel, key).changes > 0;
      });
    },
    async subscribe(key, uri) {
      access("keep a subscription", () => sql.subscribe.run(uri, key));
    },
    async unsubscribe(key, uri) {
      access("end a subscription", () => sql.unsubscribe.run(key, uri));
    },
    async remove(key) {
      return access("remove a session", () => remove(key));
    },
    async shift(ms, latest) {
      access("correct the times of sessions", () =>
        transact(database, () => {
          writeActivity();
          if (ms === 0) sql.clampActive.run(latest, latest);
          else sql.shiftActive.run(ms, latest);
        }));
      touched.clear();
    },
    async expire(before) {
      const expired = access("remove expired sessions", () =>
        transact(database, () => {
          // Activity first, or the disk would forget sessions that are in use.
          writeActivity();
          return sql.expire.all(before, limits.expiryBatchMax).map(({ key }) => String(key));
        }));
      touched.clear();
      count -= expired.length;
      return expired;
    },
    count: () => count,
    async close() {
      if (closed) return;
      closed = true;
      cancelFlush?.();
      flush();
    },
  };
}

function prepare(database: SqlDatabase) {
  return {
    count: database.prepare("SELECT count(*) AS count FROM sessions"),
    insert: database.prepare(
      `INSERT INTO sessions (key, surface, principal, revision, client_info, capabilities,
         log_level, created_at, active_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    ),
    find: database.prepare("SELECT * FROM sessions WHERE key = ?"),
    setActive: database.prepare("UPDATE sessions SET active_at = max(active_at, ?) WHERE key = ?"),
    shiftActive: database.prepare("UPDATE sessions SET active_at = min(active_at + ?, ?)"),
    // By the index: a start reads no more than it must.
    clampActive: database.prepare("UPDATE sessions SET active_at = ? WHERE active_at > ?"),
    setLogLevel: database.prepare("UPDATE sessions SET log_level = ? WHERE key = ?"),
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
