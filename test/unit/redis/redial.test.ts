/** How lost connections to the engine are opened again: one attempt at a time, and never in a storm. */
import { describe, expect, test } from "bun:test";
import { createRedial } from "../../../src/redis/redis_redial.ts";
import { createTestClock } from "../../support/clock.ts";

const limits = { engineRetryMsMin: 100, engineRetryMsMax: 2_000 };
const stepMs = 10;

/** An engine whose connections a test opens, refuses and ends. */
function createWorld() {
  const clock = { ...createTestClock(), random: () => 0.5 };
  const state = { isAway: false, endsAtOnce: false };
  const attempts: number[] = [];
  const ended: number[] = [];
  const losers: (() => void)[] = [];
  const redial = createRedial<number>({
    async dial(lost) {
      attempts.push(clock.monotonic());
      if (state.isAway) throw new Error("refused");
      losers.push(lost);
      if (state.endsAtOnce) queueMicrotask(() => queueMicrotask(lost));
      return attempts.length;
    },
    end: (line) => void ended.push(line),
    isFinal: () => false,
    onFault() {},
    clock,
    limits,
  });
  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
  };
  const pass = async (ms: number): Promise<void> => {
    await settle();
    for (let left = ms; left > 0; left -= stepMs) {
      clock.advance(stepMs);
      await settle();
    }
  };
  /** The pauses between attempts. */
  const pauses = () => attempts.slice(1).map((at, index) => at - (attempts[index] ?? 0));
  return { redial, state, attempts, ended, pass, pauses, lose: () => losers.at(-1)?.() };
}

describe("a connection that is opened again", () => {
  test("waits longer after each failure, up to a bound", async () => {
    const { redial, state, attempts, pass, pauses } = createWorld();
    state.isAway = true;
    const opened = redial.open();
    await pass(12_000);
    expect(pauses().slice(0, 6)).toEqual([150, 300, 600, 1_200, 1_500, 1_500]);
    state.isAway = false;
    await pass(2_000);
    expect(await opened).toBe(attempts.length);
  });

  test("has one attempt at a time, however many want it", async () => {
    const { redial, state, attempts, pass } = createWorld();
    await redial.open();
    state.isAway = true;
    redial.cut();
    const waiting = Array.from({ length: 100 }, () => redial.open());
    await pass(1_000);
    expect(attempts.length).toBeLessThanOrEqual(4);
    state.isAway = false;
    await pass(3_000);
    expect(new Set(await Promise.all(waiting)).size).toBe(1);
  });

  test("does not come sooner after connections that end at once", async () => {
    const { redial, state, pass, pauses } = createWorld();
    state.endsAtOnce = true;
    await redial.open().catch(() => {});
    await pass(12_000);
    const found = pauses();
    expect(found.length).toBeLessThan(14);
    expect(found.slice(-3)).toEqual([1_500, 1_500, 1_500]);
  });

  test("comes soon after one that had held", async () => {
    const { redial, pass, pauses, lose } = createWorld();
    await redial.open();
    await pass(60_000);
    lose();
    await pass(500);
    expect(pauses()).toEqual([60_150]);
    expect(redial.current()).toBe(2);
  });

  test("is opened no more after the close, and what opens late is ended", async () => {
    const { redial, ended, attempts, pass } = createWorld();
    const opening = redial.open().catch((fault) => fault.commandOutcome);
    redial.close();
    expect(await opening).toBe("not_sent");
    await pass(5_000);
    expect([attempts.length, ended]).toEqual([1, [1]]);
  });
});
