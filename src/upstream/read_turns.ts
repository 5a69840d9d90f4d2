/**
 * Whose output is read next. A turn of the event loop takes so many bytes of all programs, and so
 * many notices. What exceeds them waits: then one piece is read in each turn, so that everything else
 * goes on meanwhile, and the reader that has taken the least goes first. A flood makes garbage faster
 * than some runtimes notice, so this asks them to collect it when memory grows. Not here: what a
 * piece is (stdio/line_reader.ts).
 */
import type { Limits } from "../limits.ts";
import type { GarbageCollector, Runtime } from "../runtime/runtime.ts";

/** One reader's place in the order. */
export interface ReadPlace {
  /**
   * Asks for the next turn, after a piece of so many bytes with so many lines that answered nothing;
   * undefined if this turn has room for more.
   */
  next(bytes: number, notices: number): Promise<void> | undefined;
}

/** The order of all readers. */
export interface ReadTurns {
  /** A place for a new reader. */
  place(): ReadPlace;
}

/** A reader that waits, and what it has taken with the turn before. */
interface WaitingReader {
  readonly taken: number;
  /** What it has taken last. */
  readonly bytes: number;
  readonly resolve: () => void;
}

/** What an order is made from. */
export interface ReadTurnsOptions {
  readonly runtime: Pick<Runtime, "nextTurn" | "garbage" | "memory">;
  readonly limits: Pick<
    Limits,
    "readNoticeBytes" | "readTurnBytes" | "floodLookBytes" | GarbageCollector["growth"]
  >;
}

/** Makes an empty order. */
export function createReadTurns({ runtime, limits }: ReadTurnsOptions): ReadTurns {
  const { nextTurn } = runtime;
  const collectGrown = createCollector(runtime, limits);
  const waiting: WaitingReader[] = [];
  /** Who was away is not owed what it has not taken meanwhile: it begins here. */
  let served = 0;
  /** Bytes that were read in this turn without a wait. */
  let free = 0;
  const serve = (): void => {
    const first = waiting.reduce((one, other) => other.taken < one.taken ? other : one);
    waiting.splice(waiting.indexOf(first), 1);
    served = first.taken;
    if (waiting.length > 0) nextTurn(serve);
    collectGrown(first.bytes);
    first.resolve();
  };
  return {
    place() {
      let taken = 0;
      return {
        next(bytes, notices) {
          taken = Math.max(taken, served) + bytes;
          const cost = Math.max(bytes, notices * limits.readNoticeBytes);
          if (waiting.length === 0 && free + cost <= limits.readTurnBytes) {
            if (free === 0) nextTurn(() => void (free = 0));
            free += cost;
            return undefined;
          }
          return new Promise((resolve) => {
            waiting.push({ taken, bytes, resolve });
            if (waiting.length === 1) nextTurn(serve);
          });
        },
      };
    },
  };
}

/**
 * Counts the bytes of floods, and collects their garbage whenever the memory of the process has
 * grown: memory that is free within the process costs nothing.
 */
function createCollector(
  runtime: ReadTurnsOptions["runtime"],
  limits: ReadTurnsOptions["limits"],
): (bytes: number) => void {
  const { garbage, memory } = runtime;
  const growthBytes = limits[garbage.growth];
  const resident = (): number => memory().residentBytes;
  let counted = 0;
  /** The memory when it was last found to be enough. */
  let least: number | undefined;
  return (bytes) => {
    counted += bytes;
    if (counted < limits.floodLookBytes) return;
    counted = 0;
    const now = resident();
    least = Math.min(least ?? now, now);
    if (now - least < growthBytes) return;
    garbage.collect();
    least = resident();
  };
}
