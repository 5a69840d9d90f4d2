/**
 * Finds and removes the sessions that have expired. The table has no index on the last activity,
 * because each new session would then write a second page. A sweep reads the whole table instead,
 * in slices of its keys, and other work runs between the slices. Not here: when a sweep begins
 * (http/legacy/session_table.ts).
 */
import type { SqlDatabase, SqlStatement, SqlValue } from "../runtime/runtime.ts";
import { inSlices, type SliceOptions } from "./key_slices.ts";
import { consumerIn } from "./session_row.ts";

/** The statements of a sweep. */
export interface ExpirySql {
  readonly due: SqlStatement;
  readonly remove: SqlStatement;
}

/** What a search works with. */
export interface ExpirySearch extends SliceOptions {
  /** The due sessions whose keys are at least `first` and less than `end`. */
  readonly read: (first: SqlValue, end: SqlValue) => readonly Record<string, SqlValue>[];
}

/** Prepares the statements; both read the activity as it is on disk. */
export function prepareExpiry(database: SqlDatabase): ExpirySql {
  return {
    due: database.prepare(
      `SELECT key, active_at FROM sessions WHERE key >= ?1 AND key < ?2
         AND active_at < CASE active_at WHEN created_at THEN max(?3, ?4) ELSE ?3 END`,
    ),
    remove: database.prepare(
      `DELETE FROM sessions WHERE key = ?1
         AND active_at < CASE active_at WHEN created_at THEN max(?2, ?3) ELSE ?2 END
         RETURNING principal, consumer`,
    ),
  };
}

/** The keys of all sessions that are due, the longest unused first. */
export async function findExpired(search: ExpirySearch): Promise<string[]> {
  const found: { readonly key: string; readonly activeAt: number }[] = [];
  await inSlices(search, (first, end) => {
    for (const { key, active_at } of search.read(first, end)) {
      found.push({ key: String(key), activeAt: Number(active_at) });
    }
  });
  return found.sort((one, other) => one.activeAt - other.activeAt).map(({ key }) => key);
}

/** A session that was removed. */
export interface RemovedSession {
  readonly key: string;
  readonly consumer: string;
}

/**
 * Removes up to `max` of the keys in `found` and takes them out of it; returns those removed. A
 * session that has been used since it was found stays.
 */
export function removeExpired(
  { remove }: ExpirySql,
  found: string[],
  [before, unusedBefore]: readonly [number, number],
  max: number,
): RemovedSession[] {
  const removed: RemovedSession[] = [];
  let at = 0;
  while (at < found.length && removed.length < max) {
    const key = found[at++] ?? "";
    const [row] = remove.all(key, before, unusedBefore);
    if (row === undefined) continue;
    removed.push({ key, consumer: consumerIn(row) });
  }
  found.splice(0, at);
  return removed;
}
