/**
 * Finds the sessions that give way to new ones: the oldest that were never used after their
 * handshake, or the longest idle. The table has no index for it, because each new session would then
 * write further pages. So a search reads the table, and what it found serves the next requests.
 * Not here: who has to give way (http/legacy/session_places.ts).
 */
import type { Clock } from "../clock.ts";
import type { Limits } from "../limits.ts";
import type { SqlDatabase, SqlStatement, SqlValue } from "../runtime/runtime.ts";
import type { EarliestActivity } from "../session/session_store.ts";

/** What a search works with. */
export interface EvictionOptions {
  readonly database: SqlDatabase;
  readonly clock: Pick<Clock, "monotonic">;
  readonly limits: Pick<Limits, "evictionBatchMax" | "evictionPauseMs">;
}

/** Finds and removes them. Both functions read the activity as it is on disk. */
export interface SessionEviction {
  /** Removes one; see `giveWay` of the store. */
  take(consumer: string, before: number | undefined): string | undefined;
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
  /** By whether sessions were used. */
  const searches = new Map<boolean, Search>();
  const searchAgain = (consumer: string, before: number | undefined): Search => {
    const rows = before === undefined
      ? statements.unused.all(consumer, limits.evictionBatchMax)
      : statements.idle.all(consumer, before, limits.evictionBatchMax);
    const search = {
      consumer,
      at: clock.monotonic(),
      keys: rows.map(({ key }) => String(key)).reverse(),
    };
    searches.set(before !== undefined, search);
    return search;
  };
  return {
    take(consumer, before) {
      const last = searches.get(before !== undefined);
      const isRecent = last?.consumer === consumer &&
        (last.keys.length > 0 || clock.monotonic() - last.at < limits.evictionPauseMs);
      const { keys } = isRecent ? last : searchAgain(consumer, before);
      for (let key = keys.pop(); key !== undefined; key = keys.pop()) {
        // It may have been used or removed since it was found.
        const [row] = before === undefined
          ? statements.removeUnused.all(key)
          : statements.removeIdle.all(key, before);
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

function prepare(database: SqlDatabase): Record<
  "unused" | "idle" | "removeUnused" | "removeIdle" | "earliest" | "earliestOf",
  SqlStatement
> {
  const earliest = `SELECT min(CASE WHEN active_at <> created_at THEN active_at END) AS used,
     min(CASE WHEN active_at = created_at THEN active_at END) AS unused FROM sessions`;
  return {
    unused: database.prepare(
      `SELECT key FROM sessions WHERE consumer = ? AND active_at = created_at
         ORDER BY active_at LIMIT ?`,
    ),
    idle: database.prepare(
      "SELECT key FROM sessions WHERE consumer = ? AND active_at < ? ORDER BY active_at LIMIT ?",
    ),
    removeUnused: database.prepare(
      "DELETE FROM sessions WHERE key = ? AND active_at = created_at RETURNING key",
    ),
    removeIdle: database.prepare(
      "DELETE FROM sessions WHERE key = ? AND active_at < ? RETURNING key",
    ),
    earliest: database.prepare(earliest),
    earliestOf: database.prepare(`${earliest} WHERE consumer = ?`),
  };
}
