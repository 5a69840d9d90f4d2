/**
 * Finds and removes the sessions that have expired. The table has no index on the last activity,
 * because each new session would then write a second page. A sweep reads the whole table instead,
 * in slices of its keys, and other work runs between the slices. Not here: when a sweep begins
 * (http/legacy/session_table.ts).
 */
import type { SqlDatabase, SqlStatement, SqlValue } from "../runtime/runtime.ts";
import { inSlices, type SliceOptions } from "./key_slices.ts";

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
      "SELECT key, active_at FROM sessions WHERE key >= ? AND key < ? AND active_at < ?",
    ),
    remove: database.prepare(
      "DELETE FROM sessions WHERE key = ? AND active_at < ? RETURNING principal",
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
  readonly principal: string;
}

/**
 * Removes up to `max` of the keys in `found` and takes them out of it; returns those removed. A
 * session that has been used since it was found stays.
 */
export function removeExpired(
  { remove }: ExpirySql,
  found: string[],
  before: number,
  max: number,
): RemovedSession[] {
  const removed: RemovedSession[] = [];
  let at = 0;
  while (at < found.length && removed.length < max) {
    const key = found[at++] ?? "";
    const [row] = remove.all(key, before);
    if (row !== undefined) removed.push({ key, principal: String(row["principal"]) });
  }
  found.splice(0, at);
  return removed;
}
