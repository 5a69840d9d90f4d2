/** What the sessions of a gateway may keep together to resume their streams (C8). */
import { describe, expect, test } from "bun:test";
import { createEventLog, type EventLog } from "../../../src/session/event_log.ts";
import { levelFor, ReplayBudget } from "../../../src/session/replay_budget.ts";
import { createTestClock } from "../../support/clock.ts";

const limits = {
  replayFramesMax: 1_000,
  replayBytesMax: 10_000,
  replayAgeMs: 60_000,
  replayStreamsMax: 3,
};

/** Sessions with a budget for all. */
function setUp(replayTotalBytesMax: number) {
  const budget = new ReplayBudget({ replayTotalBytesMax });
  let seed = 0;
  return {
    budget,
    session() {
      seed += 1;
      const clock = createTestClock(seed);
      const log = createEventLog({ limits, clock, epoch: "e", budget, evicted: () => {} });
      const stream = log.openStream();
      log.prime(stream);
      return { log, clock, say: (text: string) => log.append(stream, text) };
    },
  };
}

const keptOf = (logs: readonly EventLog[]) => logs.map((log) => log.bytesKept());

describe("C8: what all sessions keep", () => {
  test("has one bound, and the session that keeps the most gives way first", () => {
    const { budget, session } = setUp(5_000);
    const [small, large] = [session(), session()];
    const first = small.say("x".repeat(300));
    small.say("y".repeat(300));
    for (let at = 0; at < 100; at += 1) large.say("z".repeat(200));
    expect(budget.bytes()).toBeLessThanOrEqual(5_000);
    expect(budget.bytes()).toBeGreaterThan(4_000);
    expect(small.log.replay(first.id)?.frames.length).toBe(1);
    expect(budget.bytes()).toBe(small.log.bytesKept() + large.log.bytesKept());
  });

  test("is shared evenly by those that keep much", () => {
    const { budget, session } = setUp(6_000);
    const sessions = [session(), session(), session()];
    for (let at = 0; at < 100; at += 1) for (const { say } of sessions) say("z".repeat(100));
    const kept = keptOf(sessions.map(({ log }) => log));
    expect(Math.max(...kept) - Math.min(...kept)).toBeLessThan(600);
    expect(budget.bytes()).toBeLessThanOrEqual(6_000);
  });

  test("is free again when a session leaves memory, and when its frames are too old", () => {
    const { budget, session } = setUp(5_000);
    const [one, other] = [session(), session()];
    one.say("x".repeat(500));
    other.say("y".repeat(500));
    one.log.leave();
    expect(budget.bytes()).toBe(other.log.bytesKept());
    other.clock.advance(limits.replayAgeMs + 1);
    other.log.dropAged();
    expect(budget.bytes()).toBe(0);
  });

  test("levels the largest alone", () => {
    expect(levelFor([1, 2, 3], 6)).toBe(Infinity);
    expect(levelFor([100, 10, 100], 110)).toBe(50);
    expect(levelFor([100, 10, 100], 30)).toBe(10);
    expect(levelFor([7, 7, 7], 9)).toBe(3);
  });
});
