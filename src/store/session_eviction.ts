/**
 * Finds the sessions that give way to new ones: the oldest that were never used after their
 * handshake, or the longest idle. The table has no index for it, because each new session would then
 * write further pages. So a search reads the table, and what it found serves the next requests.
 * Not here: who has to give way (http/legacy/session_places.ts).
 */
import type { Clock } from "../clock.ts";
import type { Limits } from "../limits.ts";
import type { SqlDatabase, SqlStatement, SqlValue } from "../runtime/runtime.ts";
import type { EarliestActivity, YieldingKind } from "../session/session_store.ts";

/** What a search works with. */
export interface EvictionOptions {
  readonly database: SqlDatabase;
  readonly clock: Pick<Clock, "monotonic">;
  readonly limits: Pick<Limits, "evictionBatchMax" | "evictionPauseMs">;
}

/** Finds and removes them. Both functions read the activity as it is on disk. */
export interface SessionEviction {
  /** Removes one; see `giveWay` of the store. */
  take(consumer: string, kind: YieldingKind, before: number): string | undefined;
  earliest(consumer: string | undefined): EarliestActivity;
}

/** The latest search of one kind. */
interface Search {
  readonly consumer: string;
  readonly at: number;
  readonly keys: string[];
}

/** Prepares the statements. */
export function createSessionEviction(options: EvictionOptions): SessionEviction {
  const { database, clock, limits } = options;
  const statements = prepare(database);
  const searches = new Map<YieldingKind, Search>();
  const searchAgain = (consumer: string, kind: YieldingKind, before: number): Search => {
    const rows = statements.find[kind].all(consumer, before, limits.evictionBatchMax);
    const search = {
      consumer,
      at: clock.monotonic(),
      keys: rows.map(({ key }) => String(key)).reverse(),
    };
    searches.set(kind, search);
    return search;
  };
  return {
    take(consumer, kind, before) {
      const last = searches.get(kind);
      const isRecent = last?.consumer === consumer &&
        (last.keys.length > 0 || clock.monotonic() - last.at < limits.evictionPauseMs);
      const { keys } = isRecent ? last : searchAgain(consumer, kind, before);
      for (let key = keys.pop(); key !== undefined; key = keys.pop()) {
        // It may have been used or removed since it was found.
        const [row] = statements.remove[kind].all(key, before);
        if (row !== undefined) return key;
      }
      return undefined;
    },
    earliest(consumer) {
      const row = consumer === undefined
        ? statements.earliest.get()
        : statements.earliestOf.get(consumer);
      return { used: toTime(row?.["used"]), unused: toTime(row?.["unused"]) };
    },
  };
}

function toTime(value: SqlValue | undefined): number | undefined {
  return typeof value === "number" ? value : undefined;
}

function prepare(database: SqlDatabase): {
  readonly find: Readonly<Record<YieldingKind, SqlStatement>>;
  readonly remove: Readonly<Record<YieldingKind, SqlStatement>>;
  readonly earliest: SqlStatement;
  readonly earliestOf: SqlStatement;
} {
  const isUnused = "AND active_at = created_at";
  const find = (and = "") =>
    database.prepare(
      `SELECT key FROM sessions WHERE consumer = ? AND active_at < ? ${and}
         ORDER BY active_at LIMIT ?`,
    );
  const remove = (and = "") =>
    database.prepare(
      `DELETE FROM sessions WHERE key = ? AND active_at < ? ${and} RETURNING key`,
    );
  const earliest = `SELECT min(CASE WHEN active_at <> created_at THEN active_at END) AS used,
     min(CASE WHEN active_at = created_at THEN active_at END) AS unused FROM sessions`;
  return {
    find: { unused: find(isUnused), every: find() },
    remove: { unused: remove(isUnused), every: remove() },
    earliest: database.prepare(earliest),
    earliestOf: database.prepare(`${earliest} WHERE consumer = ?`),
  };
}
