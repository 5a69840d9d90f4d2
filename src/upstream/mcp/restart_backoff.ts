/**
 * The waits between failures in a row: min(longest, first × 2^n), each with jitter between half and
 * whole. The longest has little, because a server that fails for an hour is started at most 70 times
 * and one that heals is found within a minute (R12); the shorter waits before it have spread the
 * servers out. A request may begin one start early, after half of the wait; each longer wait allows
 * one more. A row ends when nothing has failed for some time after a success. Not here: what counts
 * as a failure (restart_policy.ts, early_deaths.ts).
 */
import type { Clock } from "../../clock.ts";
import type { Limits } from "../../limits.ts";

/** The waits of one row of failures. */
export interface RestartBackoff {
  /** How long until a request may begin a start; 0: now. */
  waitMs(): number;
  /** How long until a start is due without a request; 0: now. */
  dueMs(): number;
  /** A start begins; one before it is due is the early one. */
  begin(): void;
  /** It failed: returns how long the next one waits. */
  failed(): number;
  /** It succeeded: the next start waits for nothing. */
  succeeded(): void;
  /** Whether the latest start succeeded. */
  isUp(): boolean;
  /** Whether nothing has failed for so long since a success that the next failure is a first one. */
  isOver(): boolean;
  /** The cause of the failures is gone. */
  reset(): void;
}

/** The limits of the waits. */
export type BackoffLimits = Pick<Limits, "restartMsMin" | "restartMsMax" | "healthyMs">;

/** The least part of a wait, and of the longest one. */
const leastPart = 0.5;
const leastPartOfLongest = 0.96;

/** Makes the waits of a row that has not begun. */
export function createRestartBackoff(limits: BackoffLimits, clock: Clock): RestartBackoff {
  let failures = 0;
  let failedAt = -Infinity;
  /** The latest wait, without and with jitter. */
  let wholeMs = 0;
  let delayMs = 0;
  let mayBeEarly = true;
  let upSince: number | undefined;

  const leftMs = (ms: number): number => Math.max(0, failedAt + ms - clock.monotonic());
  const isOver = (): boolean =>
    upSince !== undefined && clock.monotonic() - upSince >= limits.healthyMs;
  const reset = (): void => {
    failures = 0;
    failedAt = -Infinity;
    wholeMs = 0;
    mayBeEarly = true;
    upSince = undefined;
  };
  return {
    isOver,
    reset,
    isUp: () => upSince !== undefined,
    waitMs: () => leftMs(mayBeEarly ? delayMs / 2 : delayMs),
    dueMs: () => leftMs(delayMs),
    begin() {
      if (leftMs(delayMs) > 0) mayBeEarly = false;
    },
    failed() {
      if (isOver()) reset();
      upSince = undefined;
      const nextMs = Math.min(limits.restartMsMax, limits.restartMsMin * 2 ** failures);
      if (nextMs > wholeMs) mayBeEarly = true;
      wholeMs = nextMs;
      failures++;
      failedAt = clock.monotonic();
      const least = wholeMs < limits.restartMsMax ? leastPart : leastPartOfLongest;
      delayMs = wholeMs * (least + clock.random() * (1 - least));
      return delayMs;
    },
    succeeded() {
      upSince ??= clock.monotonic();
      failedAt = -Infinity;
    },
  };
}
