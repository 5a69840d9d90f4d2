/**
 * Sessions in SQLite, looked up from a map. The map is loaded when the store opens and changed only
 * after the disk was, so that what was acknowledged is what a restart finds. Activity alone is
 * written behind, in batches: a crash costs at most `activityFlushMs` of it. Not here: the table
 * and the lock on the file (database.ts), and closing the database, which other parts share.
 */
import type { Clock } from "../clock.ts";
import { transact } from "../database.ts";
import { GatewayError } from "../errors.ts";
import type { Limits } from "../limits.ts";
import type { Log } from "../log.ts";
import type { SqlDatabase } from "../runtime/runtime.ts";
import { toRecord, toRow } from "./row.ts";
import type { SessionRecord, SessionStore } from "./store.ts";

/** What the store is made from; the database has its tables already. */
export interface SqliteSessionStoreOptions {
  readonly database: SqlDatabase;
  readonly clock: Clock;
  readonly limits: Pick<Limits, "activityFlushMs">;
  readonly log: Log;
}

/** Opens the store and loads every session. Throws when the table cannot be read. */
export function openSqliteSessionStore(options: SqliteSessionStoreOptions): SessionStore {
  const { database, clock, limits, log } = options;
  const records = load(database, log);
  /** Sessions whose activity on disk is older than in the map. */
  const touched = new Set<string>();
  let cancelFlush: (() => void) | undefined;
  let flushFails = false;
  let closed = false;

  const insert = database.prepare(
    `INSERT INTO sessions (key, surface, principal, revision, client_info, capabilities,
       log_level, subscriptions, created_at, active_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const change = database.prepare(
    "UPDATE sessions SET log_level = ?, subscriptions = ? WHERE key = ?",
  );
  const setActive = database.prepare("UPDATE sessions SET active_at = ? WHERE key = ?");
  const shiftActive = database.prepare("UPDATE sessions SET active_at = MIN(active_at + ?, ?)");
  // By the index: a start reads no more than it must.
  const clampActive = database.prepare("UPDATE sessions SET active_at = ? WHERE active_at > ?");
  const deleteOne = database.prepare("DELETE FROM sessions WHERE key = ?");
  const deleteExpired = database.prepare("DELETE FROM sessions WHERE active_at < ?");

  const write = (action: string, work: () => void): void => {
    try {
      if (closed) throw new Error(`Cannot ${action}: the store is closed`);
      work();
    } catch (fault) {
      log.error(`Cannot ${action}`, { fault });
      throw new GatewayError("store_unavailable", undefined, { cause: fault });
    }
  };
  const writeActivity = (): void => {
    for (const key of touched) {
      const record = records.get(key);
      if (record !== undefined) setActive.run(record.activeAt, key);
    }
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

  return {
    async create(record) {
      if (records.has(record.key)) {
        throw new GatewayError("internal", "Cannot create session: its key is taken");
      }
      write("create a session", () => insert.run(...toRow(record)));
      records.set(record.key, record);
    },
    find: (key) => records.get(key),
    touch(key, at) {
      const record = records.get(key);
      if (closed || record === undefined || record.activeAt >= at) return;
      records.set(key, { ...record, activeAt: at });
      touched.add(key);
      scheduleFlush();
    },
    async update(key, patch) {
      const record = records.get(key);
      if (record === undefined) return false;
      const next = { ...record, ...patch };
      const subscriptions = JSON.stringify(next.subscriptions);
      write("change a session", () => change.run(next.logLevel, subscriptions, key));
      records.set(key, next);
      return true;
    },
    async remove(key) {
      if (!records.has(key)) return false;
      write("remove a session", () => deleteOne.run(key));
      records.delete(key);
      return true;
    },
    async shift(ms, latest) {
      write("correct the times of sessions", () =>
        transact(database, () => {
          writeActivity();
          if (ms === 0) clampActive.run(latest, latest);
          else shiftActive.run(ms, latest);
        }));
      touched.clear();
      for (const [key, record] of records) {
        const activeAt = Math.min(record.activeAt + ms, latest);
        if (activeAt !== record.activeAt) records.set(key, { ...record, activeAt });
      }
    },
    async expire(before) {
      const expired = [...records.values()].filter((record) => record.activeAt < before);
      // Activity first, or the disk would forget sessions that the map knows to be alive.
      write("remove expired sessions", () =>
        transact(database, () => {
          writeActivity();
          deleteExpired.run(before);
        }));
      touched.clear();
      for (const { key } of expired) records.delete(key);
      return expired.map(({ key }) => key);
    },
    count: () => records.size,
    async close() {
      if (closed) return;
      closed = true;
      cancelFlush?.();
      flush();
    },
  };
}

/** Every readable session on disk, by key. One bad row costs one session, not the start. */
function load(database: SqlDatabase, log: Log): Map<string, SessionRecord> {
  const records = new Map<string, SessionRecord>();
  let malformed = 0;
  for (const row of database.prepare("SELECT * FROM sessions").all()) {
    const record = toRecord(row);
    if (record === undefined) malformed++;
    else records.set(record.key, record);
  }
  if (malformed > 0) {
    log.warn("Cannot read some stored sessions; their clients must initialize again", {
      malformed,
    });
  }
  return records;
}
