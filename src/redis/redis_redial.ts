/**
 * A connection that is opened again whenever it is lost: one attempt at a time, with a pause before
 * each that grows and is shortened by chance, so that an engine which flaps sees no storm. Not here:
 * what the connection is (redis_link.ts).
 */
import { type Clock, sleep } from "../clock.ts";
import type { Limits } from "../limits.ts";
import { RedisFault } from "./redis_fault.ts";

/** What it is made from. */
export interface RedialOptions<Line> {
  /**
   * Opens a connection, and calls `lost` once when it has ended. Rejects if it cannot be opened, and
   * has ended it then.
   */
  readonly dial: (lost: () => void) => Promise<Line>;
  /** Ends a connection. */
  readonly end: (line: Line) => void;
  /** Whether a fault of the very first attempt is final. */
  readonly isFinal: (fault: unknown) => boolean;
  /** Called with the fault of each attempt. */
  readonly onFault: (fault: unknown) => void;
  readonly clock: Clock;
  readonly limits: Pick<Limits, "engineRetryMsMin" | "engineRetryMsMax">;
}

/** The connection, whichever it is now. */
export interface Redial<Line> {
  /** The open connection; opens the first one, or waits for the next. */
  open(): Promise<Line>;
  /** The open connection; undefined while there is none. */
  current(): Line | undefined;
  /** Ends the open connection, so that another one is opened. */
  cut(): void;
  close(): void;
}

/** Makes it; nothing is opened before `open`. */
export function createRedial<Line>(options: RedialOptions<Line>): Redial<Line> {
  const { end, isFinal, onFault, clock, limits } = options;
  const closing = new AbortController();
  let line: Line | undefined;
  let opening: Promise<Line> | undefined;
  let wasOpen = false;
  let openedAt = 0;
  /** Failed attempts since a connection last held. */
  let failures = 0;
  const lose = (lost: Line | undefined): void => {
    if (lost === undefined || lost !== line) return;
    line = undefined;
    // One that was lost at once is no better than one that was never opened.
    failures = clock.monotonic() - openedAt > limits.engineRetryMsMax ? 1 : failures + 1;
    open().catch(() => {});
  };
  const dialOnce = async (): Promise<Line> => {
    let isLost = false;
    let loseIt = (): void => {};
    const made = await options.dial(() => {
      isLost = true;
      loseIt();
    });
    if (closing.signal.aborted) {
      end(made);
      throw closed();
    }
    if (isLost) throw new RedisFault("not_sent", "the connection was lost at once");
    // In the same step as the check: it may end in the next one, and then another is opened.
    line = made;
    opening = undefined;
    loseIt = () => lose(made);
    openedAt = clock.monotonic();
    return made;
  };
  const dialUntilOpen = async (): Promise<Line> => {
    for (;;) {
      if (failures > 0) await sleep(clock, pauseAfter(failures), closing.signal);
      if (closing.signal.aborted) throw closed();
      try {
        const made = await dialOnce();
        wasOpen = true;
        return made;
      } catch (fault) {
        onFault(fault);
        failures += 1;
        if (wasOpen || !isFinal(fault)) continue;
        opening = undefined;
        throw fault;
      }
    }
  };
  const pauseAfter = (count: number): number => {
    const longest = Math.min(limits.engineRetryMsMax, limits.engineRetryMsMin * 2 ** count);
    return Math.round(longest * (1 + clock.random()) / 2);
  };
  const open = (): Promise<Line> => {
    if (line !== undefined) return Promise.resolve(line);
    return opening ??= dialUntilOpen();
  };
  return {
    open,
    current: () => line,
    cut() {
      const lost = line;
      if (lost === undefined) return;
      lose(lost);
      end(lost);
    },
    close() {
      closing.abort();
      if (line !== undefined) end(line);
      line = undefined;
    },
  };
}

function closed(): RedisFault {
  return new RedisFault("not_sent", "the connection is closed");
}
