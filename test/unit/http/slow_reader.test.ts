/**
 * A client that reads slowly: what its calls send is counted in bytes, its server waits where it
 * works for that client alone, and the result always comes (case B12).
 */
import { describe, expect, test } from "bun:test";
import { defaultLimits } from "../../../src/limits.ts";
import { SlowReader } from "../../../src/http/slow_reader.ts";
import { createTestClock, type TestClock } from "../../support/clock.ts";
import { createHarness } from "../../support/http_harness.ts";
import { slowCalls } from "../../support/slow_calls.ts";

const limits = { streamBytesMax: 8_000, streamNoticeBytesMax: 4_000 };

/** The room of a reader for which so many bytes wait, and how many notices it has dropped. */
function roomFor(clock: TestClock, queuedBytes: () => number) {
  let dropped = 0;
  const reader = { queuedBytes, drop: () => void (dropped += 1) };
  const room = new SlowReader(reader, { clock, limits: defaultLimits });
  return { room, dropped: () => dropped };
}

/** Lets the time pass until a promise has resolved. */
async function pass(clock: TestClock, room: Promise<void> | undefined): Promise<void> {
  let isOver = false;
  void room?.then(() => isOver = true);
  for (let steps = 0; !isOver; steps += 1) {
    if (steps > 100_000) throw new Error("the wait has no end");
    clock.advance(defaultLimits.streamPauseStepMs);
    for (let turns = 0; turns < 5; turns += 1) await Promise.resolve();
  }
}

describe("B12: a reader that stands still", () => {
  for (const [name, begin] of Object.entries(slowCalls)) {
    test(`gets some notices and the result, however much its server says: ${name}`, async () => {
      const harness = createHarness({ limits });
      const { call, stream } = await begin(harness);
      const say = (progress: number) =>
        call.notice("notifications/progress", { progress, message: "x".repeat(300) });
      say(0);
      const frames = await stream();
      for (let at = 1; at <= 100; at += 1) say(at);
      call.result({ content: [] });
      await harness.passGap();
      const came: string[] = [];
      for (;;) {
        const message = await frames.message();
        if ("result" in message) break;
        came.push(JSON.stringify(message));
      }
      expect(came.length).toBeGreaterThan(2);
      expect(came.join("").length).toBeLessThan(limits.streamNoticeBytesMax + 1_000);
    });
  }

  test("lets its server wait until there is room", async () => {
    const clock = createTestClock();
    let queued = defaultLimits.streamPauseBytes;
    let isOver = false;
    const { room: reader } = roomFor(clock, () => queued);
    const room = reader.wait();
    expect(reader.wait()).toBe(room);
    void room?.then(() => isOver = true);
    clock.advance(1);
    await Promise.resolve();
    expect(isOver).toBe(false);
    queued = 0;
    clock.advance(2);
    await room;
    expect(reader.wait()).toBeUndefined();
  });

  test("lets its server wait no longer than the limit says, until it reads again", async () => {
    const clock = createTestClock();
    const { streamPauseBytes, streamPauseMs, streamPauseStepMs } = defaultLimits;
    let queued = 3 * streamPauseBytes;
    const { room: reader } = roomFor(clock, () => queued);
    const room = reader.wait();
    const begun = clock.monotonic();
    await pass(clock, room);
    expect(clock.monotonic() - begun).toBeLessThanOrEqual(streamPauseMs + streamPauseStepMs);
    expect(reader.wait()).toBeUndefined();
    queued -= streamPauseBytes;
    const next = reader.wait();
    expect(next).toBeInstanceOf(Promise);
    queued = 0;
    await pass(clock, next);
    expect(reader.wait()).toBeUndefined();
  });

  test("lets its server wait longer while it reads, however slowly", async () => {
    const clock = createTestClock();
    let queued = 10 * defaultLimits.streamPauseBytes;
    const room = roomFor(clock, () => queued -= 100).room.wait();
    const begun = clock.monotonic();
    await pass(clock, room);
    expect(clock.monotonic() - begun).toBeGreaterThan(2 * defaultLimits.streamPauseMs);
  });

  test("counts what is dropped before it is read", () => {
    let queued = defaultLimits.streamNoticeBytesMax - 1;
    const { room, dropped } = roomFor(createTestClock(), () => queued);
    expect([room.drops(), dropped()]).toEqual([false, 0]);
    queued += 1;
    expect([room.drops(), room.drops(), dropped()]).toEqual([true, true, 2]);
    queued = 0;
    expect([room.drops(), dropped()]).toEqual([false, 2]);
  });
});
