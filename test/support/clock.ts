/**
 * Time and chance under a test's control: nothing happens until `advance`, and a seed repeats a
 * run.
 */
import type { Clock } from "../../src/clock.ts";

/** A clock that stands still until `advance`. */
export interface TestClock extends Clock {
  /** Moves time and runs what falls due, in order. */
  advance(ms: number): void;
  /** Sets the wall clock, and it alone, forward or back. */
  jump(ms: number): void;
}

/**
 * Steps per millisecond: time stays a multiple of this power of two, so sums and differences are
 * exact, and no timer is left with a rest too small to move the clock.
 */
const stepsPerMs = 1024;
const toSteps = (ms: number): number => Math.ceil(ms * stepsPerMs) / stepsPerMs;

/** Makes a clock at a fixed wall time. */
export function createTestClock(seed = 1): TestClock {
  let start = 1_700_000_000_000;
  let now = 0;
  let timers: { at: number; run: () => void }[] = [];
  return {
    wall: () => start + now,
    monotonic: () => now,
    after(ms, run) {
      const timer = { at: now + toSteps(ms), run };
      timers.push(timer);
      return () => {
        timers = timers.filter((other) => other !== timer);
      };
    },
    random: createRandom(seed),
    jump: (ms) => void (start += ms),
    advance(ms) {
      const end = now + toSteps(ms);
      for (;;) {
        const next = timers.filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at)[0];
        if (next === undefined) break;
        timers = timers.filter((timer) => timer !== next);
        now = Math.max(now, next.at);
        next.run();
      }
      now = end;
    },
  };
}

/**
 * Lets time pass as it does, while `isRunning` says so, in steps between which all that is waiting
 * is read: a machine that stood still makes no deadline pass. Returns what stops it.
 */
export function runClock(clock: TestClock, isRunning: () => boolean): () => void {
  const stepMs = 5;
  const step = (): void => {
    if (isRunning()) clock.advance(stepMs);
    timer = setTimeout(step, stepMs);
  };
  let timer = setTimeout(step, stepMs);
  return () => clearTimeout(timer);
}

/**
 * Makes clocks for tests of short time limits against servers of the same process: time passes by
 * `runClock`, so a limit ends what stands still and never what is only slow.
 */
export function createPacedClocks(): { create(): TestClock; stopAll(): void } {
  const stops: (() => void)[] = [];
  return {
    create() {
      const clock = createTestClock();
      stops.push(runClock(clock, () => true));
      return clock;
    },
    stopAll() {
      for (const stop of stops.splice(0)) stop();
    },
  };
}

/** Numbers from 0 to below 1 that a seed repeats (mulberry32). */
export function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
