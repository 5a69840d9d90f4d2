/**
 * Time and chance, so that a test can replay a run. Deadlines use `monotonic`, which never jumps,
 * and those that are stored `steadyNow`; `wall` is for display, and for times that others set.
 */

import { defaultLimits } from "./limits.ts";
import { createTimerWheel } from "./timer_wheel.ts";

/** Where time and randomness come from. */
export interface Clock {
  /** Milliseconds since 1970. */
  wall(): number;
  /** Milliseconds since some fixed point. */
  monotonic(): number;
  /**
   * Runs once after a time, unless cancelled by the returned function. A long time may be 50 ms
   * longer.
   */
  after(ms: number, run: () => void): () => void;
  /** At least 0, below 1. */
  random(): number;
}

/** The wall time at which the monotonic clock of each clock began, as it looked at first. */
const origins = new WeakMap<object, number>();

/**
 * Milliseconds since 1970 as the wall clock showed them first, moved on by the monotonic clock. For
 * what is sealed or stored for some minutes: it neither ends early nor lives longer when the wall
 * clock jumps, and means the same after a restart.
 */
export function steadyNow(clock: Pick<Clock, "wall" | "monotonic">): number {
  let origin = origins.get(clock);
  if (origin === undefined) origins.set(clock, origin = clock.wall() - clock.monotonic());
  return origin + clock.monotonic();
}

function setTimer(ms: number, run: () => void): () => void {
  const timer = setTimeout(run, ms);
  return () => clearTimeout(timer);
}

/** From here on a deadline may be a tick late: it is one that a call hardly ever reaches. */
const wheelMsMin = 500;
const wheel = createTimerWheel({
  tickMs: 50,
  lingerMs: wheelMsMin,
  timerMsMax: defaultLimits.timerMsMax,
  now: () => performance.now(),
  set: setTimer,
});

/** The real clock. */
export const systemClock: Clock = {
  wall: () => Date.now(),
  monotonic: () => performance.now(),
  after: (ms, run) => ms < wheelMsMin ? setTimer(ms, run) : wheel.after(ms, run),
  random: () => Math.random(),
};

/** Resolves after a time, or earlier when the signal aborts. */
export function sleep(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const finish = () => {
      cancel();
      signal?.removeEventListener("abort", finish);
      resolve();
    };
    const cancel = clock.after(ms, finish);
    signal?.addEventListener("abort", finish);
  });
}

/**
 * Waits for a promise for a limited time. After that it rejects with the result of `late`, or
 * resolves with undefined if there is no `late`.
 */
export function withDeadline<Value, Late>(
  clock: Clock,
  ms: number,
  promise: Promise<Value>,
  late: () => Late,
  signal?: AbortSignal,
): Promise<Value | Late> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      cancel();
      signal?.removeEventListener("abort", end);
    };
    const end = (): void => {
      stop();
      try {
        resolve(late());
      } catch (thrown) {
        reject(thrown);
      }
    };
    const cancel = clock.after(ms, end);
    signal?.addEventListener("abort", end);
    if (signal?.aborted) end();
    promise.then(
      (value) => {
        stop();
        resolve(value);
      },
      (thrown) => {
        stop();
        reject(thrown);
      },
    );
  });
}
