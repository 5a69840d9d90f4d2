/**
 * Changes that the engine did not take while it was away: the latest of each name is kept in memory
 * and sent again by the clock, until the engine takes it. Meanwhile a store answers as if it were
 * written. Which changes are kept is decided by each store.
 */
import { putWithin } from "../bounded.ts";
import type { Clock } from "../clock.ts";
import type { Log } from "../log.ts";

/** What they need. */
export interface RetryOptions<Change> {
  /** What the changes are, in the plural, for the log. */
  readonly what: string;
  readonly changesMax: number;
  readonly retryMs: number;
  /** Writes one change, which may have been written before; rejects if the engine is away. */
  readonly write: (change: Change, name: string) => Promise<void>;
  readonly clock: Clock;
  readonly log: Log;
}

/** The changes that are not written yet. */
export interface Retries<Change> {
  get(name: string): Change | undefined;
  /** All of them, the oldest first. */
  all(): readonly Change[];
  /** Writes a change now. If that fails, keeps it and rejects. */
  put(name: string, change: Change): Promise<void>;
  /** Keeps a change, in place of an earlier one of that name. The oldest gives way to too many. */
  keep(name: string, change: Change): void;
  /** Forgets what waits under a name, since another change made it pointless. */
  drop(name: string): void;
  /** Tries once more to write all, and stops. */
  close(): Promise<void>;
}

/** Makes an empty set of them. */
export function createRetries<Change>(options: RetryOptions<Change>): Retries<Change> {
  const { what, changesMax, retryMs, write, clock, log } = options;
  const changes = new Map<string, Change>();
  let isClosed = false;
  let cancelRetry: (() => void) | undefined;
  const writeAll = async (): Promise<void> => {
    let count = 0;
    for (const [name, change] of [...changes]) {
      // It may have been replaced or dropped meanwhile.
      if (changes.get(name) !== change) continue;
      try {
        await write(change, name);
      } catch {
        // The first failure was logged; the engine's probe reports when it works again.
        break;
      }
      if (changes.get(name) === change) changes.delete(name);
      count += 1;
    }
    if (count > 0) log.info(`Wrote ${what} that the engine had missed`, { count });
  };
  const retryLater = (): void => {
    if (isClosed) return;
    cancelRetry ??= clock.after(retryMs, () => {
      void writeAll().finally(() => {
        cancelRetry = undefined;
        if (changes.size > 0) retryLater();
      });
    });
  };
  const keep = (name: string, change: Change): void => {
    const isFull = changes.size >= changesMax && !changes.has(name);
    if (isFull) log.error(`Too many ${what} cannot be written: the oldest is lost`);
    putWithin(changes, name, change, changesMax);
    retryLater();
  };
  return {
    get: (name) => changes.get(name),
    all: () => [...changes.values()],
    keep,
    drop: (name) => void changes.delete(name),
    async put(name, change) {
      try {
        await write(change, name);
        changes.delete(name);
      } catch (fault) {
        keep(name, change);
        throw fault;
      }
    },
    async close() {
      isClosed = true;
      cancelRetry?.();
      await writeAll();
      if (changes.size > 0) {
        log.error(`Lost ${what}: the engine did not take them until the stop`, {
          left: changes.size,
        });
      }
      changes.clear();
    },
  };
}
