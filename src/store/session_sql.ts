/** The statements of the table `sessions`, except those that find several sessions. */
import type { SqlDatabase } from "../runtime/runtime.ts";
import { prepareExpiry } from "./session_expiry.ts";

/** Prepares them. */
export function prepareSessions(database: SqlDatabase) {
  return {
    counts: database.prepare(
      `SELECT principal, consumer, count(*) AS count FROM sessions
         WHERE key >= ? AND key < ? GROUP BY principal, consumer`,
    ),
    insert: database.prepare(
      `INSERT INTO sessions (key, surface, principal, revision, client_info, capabilities,
         log_level, created_at, active_at, owner, consumer)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (key) DO NOTHING`,
    ),
    find: database.prepare("SELECT * FROM sessions WHERE key = ?"),
    setActive: database.prepare("UPDATE sessions SET active_at = max(active_at, ?) WHERE key = ?"),
    // In SQL, both sides see the values as they were: what was never used stays so.
    shiftActive: database.prepare(
      `UPDATE sessions SET active_at = min(active_at + ?1, ?2),
         created_at = CASE created_at WHEN active_at THEN min(active_at + ?1, ?2)
           ELSE created_at END`,
    ),
    clampActive: database.prepare(
      `UPDATE sessions SET active_at = ?1,
         created_at = CASE created_at WHEN active_at THEN ?1 ELSE created_at END
         WHERE key >= ?2 AND key < ?3 AND active_at > ?1`,
    ),
    setLogLevel: database.prepare("UPDATE sessions SET log_level = ? WHERE key = ?"),
    setOwner: database.prepare("UPDATE sessions SET owner = ? WHERE key = ?"),
    remove: database.prepare("DELETE FROM sessions WHERE key = ? RETURNING principal, consumer"),
    expiry: prepareExpiry(database),
    subscriptions: database.prepare(
      "SELECT uri FROM subscriptions WHERE session = ? ORDER BY rowid",
    ),
    subscribe: database.prepare(
      "INSERT OR IGNORE INTO subscriptions (session, uri) SELECT key, ? FROM sessions WHERE key = ?",
    ),
    unsubscribe: database.prepare("DELETE FROM subscriptions WHERE session = ? AND uri = ?"),
  };
}
