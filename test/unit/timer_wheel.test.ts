/**
 * Deadlines on a wheel: never early, at most a tick late, in order, and one that throws harms no
 * other. A failure names the seed; `MCP_TEST_SEED` runs it again.
 */
import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import process from "node:process";
import { systemClock } from "../../src/clock.ts";
import { createTimerWheel } from "../../src/timer_wheel.ts";

const seed = Number(process.env["MCP_TEST_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
const tickMs = 50;

/** A wheel on a clock that a test moves; timers of the runtime may pass up to 1 ms early. */
function createWorld(earlyMs = 0) {
  let now = 7.25;
  const timers = new Set<{ readonly at: number; readonly run: () => void }>();
  const wheel = createTimerWheel({
    tickMs,
    lingerMs: 500,
    timerMsMax: 2 ** 31 - 1,
    now: () => now,
    set(ms, run) {
      expect(ms).toBeLessThan(2 ** 31);
      const timer = { at: now + ms - earlyMs, run };
      timers.add(timer);
      return () => void timers.delete(timer);
    },
  });
  const move = (ms: number) => {
    const end = now + ms;
    for (;;) {
      const [next] = [...timers].sort((one, other) => one.at - other.at);
      if (next === undefined || next.at > end) break;
      timers.delete(next);
      now = Math.max(now, next.at);
      next.run();
    }
    now = end;
  };
  return { wheel, move, now: () => now, timers };
}

describe("Deadlines on a wheel", () => {
  test("are never early, at most a tick and a timer's slack late, and in order", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 1, max: 2_000 }), fc.nat(300), fc.boolean()), {
          maxLength: 40,
        }),
        fc.constantFrom(0, 0.9),
        (plans, earlyMs) => {
          const { wheel, move, now } = createWorld(earlyMs);
          const passed: number[] = [];
          let wanted = 0;
          for (const [ms, pauseMs, isCancelled] of plans) {
            const dueAt = now() + ms;
            const cancel = wheel.after(ms, () => {
              expect(isCancelled).toBe(false);
              expect(now()).toBeGreaterThanOrEqual(dueAt);
              expect(now()).toBeLessThanOrEqual(dueAt + tickMs + 1);
              passed.push(dueAt);
            });
            if (isCancelled) cancel();
            else wanted += 1;
            move(pauseMs);
          }
          move(3_000);
          expect(passed).toHaveLength(wanted);
        },
      ),
      { seed },
    );
  });

  test("of one tick pass in the order of their times", () => {
    const { wheel, move } = createWorld();
    const passed: string[] = [];
    wheel.after(540, () => passed.push("second"));
    wheel.after(530, () => passed.push("first"));
    move(1_000);
    expect(passed).toEqual(["first", "second"]);
  });

  test("do not pass when one of the same moment cancels them, and one that throws stops no other", () => {
    const { wheel, move } = createWorld();
    const passed: string[] = [];
    const faults: unknown[] = [];
    wheel.after(510, () => {
      throw new Error("a fault");
    });
    wheel.after(520, () => {
      passed.push("cancels");
      cancel();
    });
    const cancel = wheel.after(530, () => passed.push("cancelled"));
    try {
      move(1_000);
    } catch (thrown) {
      faults.push(thrown);
    }
    expect(passed).toEqual(["cancels"]);
    expect(String(faults)).toContain("a fault");
  });

  test("may be as far away as a timer of the runtime can be", () => {
    const { wheel, move } = createWorld();
    let passed = 0;
    wheel.after(2 ** 31 - 1, () => passed += 1);
    move(2 ** 31 - 2);
    expect(passed).toBe(0);
    move(100);
    expect(passed).toBe(1);
  });

  test("leave no timer behind once the last has passed, and share one before", () => {
    const { wheel, move, timers } = createWorld();
    for (let ms = 600; ms < 5_600; ms += 5) wheel.after(ms, () => {});
    expect(timers.size).toBe(1);
    move(6_000);
    expect(timers.size).toBe(0);
  });

  test("leave a timer for a moment only once all are cancelled", () => {
    const { wheel, move, timers } = createWorld();
    const cancels = [60_000, 600_000].map((ms) => wheel.after(ms, () => {}));
    for (const cancel of cancels) cancel();
    move(600);
    expect(timers.size).toBe(0);
  });

  test("pass when others were made and cancelled before them", () => {
    const { wheel, move } = createWorld();
    let passed = 0;
    wheel.after(60_000, () => {})();
    move(100);
    wheel.after(2_000, () => passed += 1);
    move(1_999);
    expect(passed).toBe(0);
    move(60);
    expect(passed).toBe(1);
  });

  const collect = (globalThis as { Bun?: { gc(isNow: boolean): void } }).Bun?.gc;

  test.skipIf(collect === undefined)("keep nothing of each other once they are over", async () => {
    const { wheel, move } = createWorld();
    const kept: (() => void)[] = [];
    const held: WeakRef<object>[] = [];
    const add = (isCancelled: boolean): void => {
      const answer = { text: "x".repeat(1_000) };
      held.push(new WeakRef(answer));
      const cancel = wheel.after(1_000, () => void answer.text);
      if (isCancelled) cancel();
    };
    for (let count = 0; count < 100; count += 1) {
      add(false);
      kept.push(wheel.after(1_000, () => {}));
      add(true);
    }
    kept.at(50)?.();
    move(2_000);
    await new Promise((resolve) => setTimeout(resolve, 0));
    collect?.(true);
    expect(held.filter((one) => one.deref() !== undefined).length).toBeLessThan(20);
    expect(kept.length).toBe(100);
  });

  test("of one tick leave what waits for the first the time to cancel the second", async () => {
    const over = Promise.withResolvers<void>();
    const first = Promise.withResolvers<void>();
    let hasPassed = false;
    systemClock.after(500, first.resolve);
    const cancel = systemClock.after(500, () => hasPassed = true);
    systemClock.after(500, over.resolve);
    await first.promise;
    cancel();
    await over.promise;
    expect(hasPassed).toBe(false);
  });
});
