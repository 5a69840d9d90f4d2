/**
 * How many sessions each consumer has in the database. They are counted after the start, in slices
 * of their keys, so that the gateway is ready before; a question waits for the end of it.
 */
import type { SqlValue } from "../runtime/runtime.ts";
import { createConsumerCounts } from "./consumer_counts.ts";
import { inSlices, type SliceOptions } from "./key_slices.ts";
import { consumerIn } from "./session_row.ts";

/** The counts. The questions reject if the database cannot be read. */
export interface StoredCounts {
  /** The session of a key came (1) or went (-1). */
  add(key: string, consumer: string, change: 1 | -1): void;
  of(consumer: string): Promise<number>;
  all(): Promise<number>;
  /** The consumers with most, those with most first. */
  greediest(max: number): Promise<readonly string[]>;
}

/** What counts are made from. */
export interface StoredCountOptions extends SliceOptions {
  /** The consumers of the sessions from a key to before another, and how many each has. */
  readonly read: (first: string, end: SqlValue) => readonly Record<string, SqlValue>[];
}

/** Begins to count in the next turn of the event loop. */
export function createStoredCounts({ read, ...slices }: StoredCountOptions): StoredCounts {
  const counts = createConsumerCounts();
  /** Keys from here on are not counted yet: what changes there will be read. */
  let countedTo: SqlValue = "";
  const count = (): Promise<void> =>
    inSlices(slices, (first, end) => {
      // After a fault, the count continues where it stopped.
      if (isBefore(first, countedTo)) return;
      for (const row of read(first, end)) counts.add(consumerIn(row), Number(row["count"]));
      countedTo = end;
    });
  let counting = new Promise<void>((resolve) => slices.nextTurn(resolve)).then(count);
  // The next question counts again after a fault, and reports the fault of that.
  counting.catch(() => {});
  const counted = (): Promise<void> => counting = counting.catch(count);
  return {
    add(key, consumer, change) {
      if (isBefore(key, countedTo)) counts.add(consumer, change);
    },
    of: (consumer) => counted().then(() => counts.of(consumer)),
    all: () => counted().then(counts.all),
    greediest: (max) => counted().then(() => counts.greediest(max)),
  };
}

/** As SQLite sorts: bytes, which mark the end of the last slice, come after every text. */
function isBefore(key: string, end: SqlValue): boolean {
  return typeof end !== "string" || key < end;
}
