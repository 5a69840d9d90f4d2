/**
 * Changes that the database did not take, for example while the disk is full: the latest of each
 * name is kept in memory and written again by the clock, until the database takes it. Meanwhile a
 * store answers as if it were written. Which changes are kept is decided by each store.
 */
import { putWithin } from "../bounded.ts";
import type { Clock } from "../clock.ts";
import type { Limits } from "../limits.ts";
import type { Log } from "../log.ts";

/** The limits of a backlog. */
export type BacklogLimits = Pick<Limits, "storageRetryMs" | "backlogBatchMax" | "backlogMax">;

/** What a backlog needs. */
export interface BacklogOptions<Change> {
  /** What the changes are, in the plural, for the log. */
  readonly what: string;
  /** Absent: `backlogMax`. */
  readonly changesMax?: number;
  /** Writes one change; throws if the database does not take it. */
  readonly write: (change: Change, name: string) => void;
  readonly clock: Clock;
  readonly limits: BacklogLimits;
  readonly log: Log;
}

/** The changes that are not written yet. */
export interface Backlog<Change> {
  /** The change that waits under a name; undefined if none does. */
  get(name: string): Change | undefined;
  /** All of them, the oldest first. */
  all(): readonly Change[];
  /** Writes a change now. If the database does not take it, keeps it and throws. */
  put(name: string, change: Change): void;
  /** Keeps a change, in place of an earlier one of that name. The oldest gives way to too many. */
  keep(name: string, change: Change): void;
  /** Forgets what waits under a name, since another change made it pointless. */
  drop(name: string): void;
  /** Tries once more to write all, and stops. */
  close(): void;
}

/** Makes an empty one. */
export function createBacklog<Change>(options: BacklogOptions<Change>): Backlog<Change> {
  const { what, write, clock, limits, log, changesMax = limits.backlogMax } = options;
  const changes = new Map<string, Change>();
  let cancelRetry: (() => void) | undefined;
  /** Writes at most so many, until one fails; returns how many were written. */
  const writeSome = (countMax: number): number => {
    let count = 0;
    for (const [name, change] of changes) {
      if (count >= countMax) break;
      try {
        write(change, name);
      } catch {
        // The first failure was logged; the storage check reports when writing works again.
        break;
      }
      changes.delete(name);
      count += 1;
    }
    if (count > 0) log.info(`Wrote ${what} that the database had refused`, { count });
    return count;
  };
  const retryLater = (ms: number): void => {
    cancelRetry ??= clock.after(ms, () => {
      cancelRetry = undefined;
      const count = writeSome(limits.backlogBatchMax);
      if (changes.size > 0) retryLater(count > 0 ? 0 : limits.storageRetryMs);
    });
  };
  const keep = (name: string, change: Change): void => {
    const isFull = changes.size >= changesMax && !changes.has(name);
    if (isFull) log.error(`Too many ${what} cannot be written: the oldest is lost`);
    putWithin(changes, name, change, changesMax);
    retryLater(limits.storageRetryMs);
  };
  return {
    get: (name) => changes.get(name),
    all: () => [...changes.values()],
    keep,
    drop: (name) => void changes.delete(name),
    put(name, change) {
      try {
        write(change, name);
        changes.delete(name);
      } catch (fault) {
        keep(name, change);
        throw fault;
      }
    },
    close() {
      cancelRetry?.();
      // From here on nothing is tried again.
      cancelRetry = () => {};
      writeSome(changes.size);
      const left = changes.size;
      if (left > 0) {
        log.error(`Lost ${what}: the database did not take them until the stop`, { left });
      }
      changes.clear();
    },
  };
}
