/**
 * How many sessions each principal has in the database. They are counted after the start, in slices
 * of their keys, so that the gateway is ready before; a question waits for the end of it.
 */
import type { SqlValue } from "../runtime/runtime.ts";
import { inSlices, type SliceOptions } from "./key_slices.ts";
import { createPrincipalCounts } from "./principal_counts.ts";

/** The counts. */
export interface StoredCounts {
  /** A session with this key came (1) or went (-1). */
  add(key: string, principal: string, change: 1 | -1): void;
  /** The sessions of a principal. Rejects if the database cannot be read. */
  of(principal: string): Promise<number>;
  all(): Promise<number>;
}

/** What counts are made from. */
export interface StoredCountOptions extends SliceOptions {
  /** The principals of stored sessions from a key to before another, and how many each has. */
  readonly read: (first: string, end: SqlValue) => readonly Record<string, SqlValue>[];
}

/** Begins to count in the next turn of the event loop. */
export function createStoredCounts({ read, ...slices }: StoredCountOptions): StoredCounts {
  const counts = createPrincipalCounts();
  /** Keys from here on are not counted yet: what changes there will be read. */
  let countedTo: SqlValue = "";
  const count = (): Promise<void> =>
    inSlices(slices, (first, end) => {
      // After a fault, the count goes on where it stopped.
      if (isBefore(first, countedTo)) return;
      for (const { principal, count } of read(first, end)) {
        counts.add(String(principal), Number(count));
      }
      countedTo = end;
    });
  let counting = new Promise<void>((resolve) => slices.nextTurn(resolve)).then(count);
  // A fault is for the next question, which counts again.
  counting.catch(() => {});
  const counted = (): Promise<void> => counting = counting.catch(count);
  return {
    add(key, principal, change) {
      if (isBefore(key, countedTo)) counts.add(principal, change);
    },
    async of(principal) {
      await counted();
      return counts.of(principal);
    },
    async all() {
      await counted();
      return counts.all();
    },
  };
}

/** As SQLite sorts: bytes, which mark the end of the last slice, come after every text. */
function isBefore(key: string, end: SqlValue): boolean {
  return typeof end !== "string" || key < end;
}
