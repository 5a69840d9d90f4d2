/**
 * A long silent call stays alive for clients that cancel requests without progress: the gateway
 * sends progress of its own, whose values never block the server's.
 */
import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../../src/errors.ts";
import type { JsonObject } from "../../../src/model.ts";
import {
  createHarness,
  type FrameReader,
  framesOf,
  type Harness,
  slowCall,
} from "../../support/http_harness.ts";
import { slowCalls } from "../../support/slow_calls.ts";
import { askSlow } from "../../support/stateless_client.ts";

const method = "notifications/progress";
const silence = 15_000;

/** Resolves when all that needs no timer has been done. */
const turn = () => new Promise((resolve) => setTimeout(resolve, 0));

/** The next progress, as its client gets it. */
async function progressIn(stream: FrameReader): Promise<JsonObject> {
  const message = await stream.message();
  expect(message.method).toBe(method);
  return message.params as JsonObject;
}

/** Ends a call and gives all progress that its client has not read yet. */
async function restOf(
  harness: Harness,
  call: { result(value: JsonObject): void },
  stream: FrameReader,
) {
  call.result({ content: [] });
  await harness.passGap();
  const progress: JsonObject[] = [];
  for (;;) {
    const message = await stream.message();
    if (message.method !== method) return progress;
    progress.push(message.params as JsonObject);
  }
}

for (const [transport, begin] of Object.entries(slowCalls)) {
  describe(`a silent call over ${transport}`, () => {
    test("reports progress by itself every 15 seconds, with rising values", async () => {
      const harness = createHarness();
      const { call, stream } = await begin(harness);
      for (let beat = 0; beat < 3; beat += 1) harness.clock.advance(silence);
      const frames = await stream();
      const first = await progressIn(frames);
      expect(first).toMatchObject({
        progressToken: "t",
        message: "Still working (15 s)",
      });
      const others = [await progressIn(frames), await progressIn(frames)];
      expect(others.map(({ message }) => message)).toEqual([
        "Still working (30 s)",
        "Still working (45 s)",
      ]);
      const values = [first, ...others].map(({ progress }) => Number(progress));
      expect(values).toEqual([...new Set(values)].sort((one, other) => one - other));
      expect(values[0]).toBeGreaterThan(0);
      expect(await restOf(harness, call, frames)).toEqual([]);
    });

    test("counts the silence from the server's last progress", async () => {
      const harness = createHarness();
      const { call, stream } = await begin(harness);
      harness.clock.advance(silence - 1);
      call.notice(method, { progress: 1, total: 4, message: "one" });
      await turn();
      harness.clock.advance(silence - 1);
      await turn();
      harness.clock.advance(1);
      const frames = await stream();
      expect(await progressIn(frames)).toMatchObject({ progress: 1, total: 4, message: "one" });
      const own = await progressIn(frames);
      expect(own).toMatchObject({ total: 4, message: "Still working (30 s)" });
      expect(await restOf(harness, call, frames)).toEqual([]);
    });

    test("leaves the server's own values as they are, wherever they still rise", async () => {
      const harness = createHarness();
      const { call, stream } = await begin(harness);
      const served = [0.001, 0.0011, 1, 2, 2.5, 9_000_000_000, 9_000_000_001, 5e12, 5e12 + 1];
      const frames = stream();
      for (const progress of served) {
        for (let beat = 0; beat < 10; beat += 1) harness.clock.advance(silence);
        call.notice(method, { progress });
        await turn();
      }
      const all = await restOf(harness, call, await frames);
      const values = all.map(({ progress }) => Number(progress));
      expect(values).toEqual([...new Set(values)].sort((one, other) => one - other));
      const relayed = all.filter(({ message }) => message === undefined);
      expect(relayed.map(({ progress }) => progress)).toEqual(served);
      expect(all.length).toBe(served.length * 11);
    });

    test("loses no progress of a server that starts at 0 after it", async () => {
      const harness = createHarness();
      const { call, stream } = await begin(harness);
      harness.clock.advance(silence);
      call.notice(method, { progress: 0, total: 10, message: "begun" });
      call.notice(method, { progress: 1, total: 10, message: "going on" });
      const frames = await stream();
      const own = await progressIn(frames);
      const begun = await progressIn(frames);
      expect(begun).toMatchObject({ total: 10, message: "begun" });
      expect(Number(begun.progress)).toBeGreaterThan(Number(own.progress));
      expect(Number(begun.progress)).toBeLessThan(1);
      expect(await progressIn(frames)).toMatchObject({ progress: 1, message: "going on" });
      expect(await restOf(harness, call, frames)).toEqual([]);
    });

    test("reports nothing to a client without a progress token", async () => {
      const harness = createHarness();
      const { call, stream } = await begin(harness, {});
      for (let beat = 0; beat < 4; beat += 1) harness.clock.advance(silence);
      call.notice("notifications/message", { level: "emergency", data: "still there" });
      expect(await restOf(harness, call, await stream()).catch(() => [])).toEqual([]);
    });

    test("reports nothing where its server's configuration switches that off", async () => {
      const harness = createHarness();
      const { call, stream } = await begin(harness);
      Object.assign(call.call.target ?? {}, { keepAlive: false });
      for (let beat = 0; beat < 4; beat += 1) harness.clock.advance(silence);
      call.notice(method, { progress: 1 });
      const frames = await stream();
      expect(await progressIn(frames)).toMatchObject({ progress: 1 });
      expect(await restOf(harness, call, frames)).toEqual([]);
    });

    for (
      const [how, end] of Object.entries({
        "its result": ({ call }) => call.result({ content: [] }),
        "an error": ({ call }) => call.fail(new GatewayError("upstream_timeout")),
        "the end of the gateway": ({ harness }) => void harness.handler.close(),
      } as Record<
        string,
        (begun: { call: Awaited<ReturnType<typeof begin>>["call"]; harness: Harness }) => void
      >)
    ) {
      test(`ends with ${how}`, async () => {
        const harness = createHarness();
        const { call, stream } = await begin(harness);
        harness.clock.advance(silence);
        const frames = await stream();
        await progressIn(frames);
        await harness.passGap();
        end({ call, harness });
        await turn();
        for (let beat = 0; beat < 4; beat += 1) harness.clock.advance(silence);
        const messages: unknown[] = [];
        for (;;) {
          const message = await frames.message();
          messages.push(message.method ?? message.id);
          if (message.id === 1) break;
        }
        expect(messages).toEqual([1]);
      });
    }
  });
}

describe("a call that waits", () => {
  test("for a user's answer says so, and continues after it", async () => {
    const harness = createHarness();
    const session = await harness.connect({ capabilities: { elicitation: {} } });
    const answer = session.post(slowCall(1, { progressToken: "t" }));
    const call = await harness.gateway.nextCall();
    call.ask("a", "elicitation/create", { message: "Which?", requestedSchema: {} });
    const frames = framesOf(await answer);
    const { id } = await frames.message();
    harness.clock.advance(silence);
    expect(await progressIn(frames)).toMatchObject({ message: "Waiting for an answer (15 s)" });
    await session.post({ jsonrpc: "2.0", id, result: { action: "decline" } });
    await call.answered;
    await turn();
    harness.clock.advance(silence);
    expect(await progressIn(frames)).toMatchObject({ message: "Still working (30 s)" });
  });

  test("reports to a client that takes only JSON on its GET stream", async () => {
    const harness = createHarness();
    const session = await harness.connect();
    const standing = framesOf(await session.get());
    const post = { accept: "application/json" };
    const answer = session.post(slowCall(1, { progressToken: "t" }), post);
    const call = await harness.gateway.nextCall();
    harness.clock.advance(silence);
    for (;;) {
      const { method: said, params } = await standing.message();
      if (said !== method) continue;
      expect(params).toMatchObject({ message: "Still working (15 s)" });
      break;
    }
    call.result({ content: [] });
    await harness.passGap();
    expect(await (await answer).json()).toMatchObject({ id: 1, result: {} });
  });

  test("stores no report for a client that left its stream", async () => {
    const harness = createHarness();
    const session = await harness.connect();
    const answer = session.post(slowCall(1, { progressToken: "t" }));
    const call = await harness.gateway.nextCall();
    call.notice(method, { progress: 1 });
    const frames = framesOf(await answer);
    const primed = await frames.next();
    await frames.message();
    await frames.cancel();
    await turn();
    for (let beat = 0; beat < 3; beat += 1) harness.clock.advance(silence);
    call.result({ content: [] });
    await harness.passGap();
    const resumed = framesOf(await session.get({ "last-event-id": primed?.id ?? "" }));
    expect(await progressIn(resumed)).toMatchObject({ progress: 1 });
    expect(await resumed.message()).toMatchObject({ id: 1, result: {} });
  });

  test("ends its reports when its client cancels or leaves", async () => {
    const harness = createHarness();
    const session = await harness.connect();
    const answer = session.post(slowCall(1, { progressToken: "t" }));
    await harness.gateway.nextCall();
    harness.clock.advance(silence);
    const frames = framesOf(await answer);
    await progressIn(frames);
    const cancelled = "notifications/cancelled";
    await session.post({ jsonrpc: "2.0", method: cancelled, params: { requestId: 1 } });
    harness.clock.advance(4 * silence);
    const rest = await frames.rest();
    expect(rest.filter(({ data }) => data)).toEqual([]);

    const leaving = askSlow(harness, { id: 2, progressToken: "u" });
    const call = await harness.gateway.nextCall();
    harness.clock.advance(silence);
    const stream = framesOf(await leaving);
    await progressIn(stream);
    await stream.cancel();
    await turn();
    expect(call.cancelled).toBe("the client went away");
    for (let beat = 0; beat < 4; beat += 1) harness.clock.advance(silence);
  });
});

describe("many silent calls", () => {
  test("share one timer", async () => {
    const harness = createHarness();
    const session = await harness.connect();
    let armed = 0;
    const { after } = harness.clock;
    const answers: Promise<Response>[] = [];
    for (let id = 1; id <= 50; id += 1) {
      answers.push(session.post(slowCall(id, { progressToken: id })));
      await harness.gateway.nextCall();
      harness.clock.advance(1);
    }
    harness.clock.advance(2_000);
    const streams = (await Promise.all(answers)).map(framesOf);
    Object.assign(harness.clock, {
      after(ms: number, run: () => void) {
        armed += 1;
        return after(ms, run);
      },
    });
    harness.clock.advance(silence);
    for (const stream of streams) await progressIn(stream);
    // Each call's progress also opens its own gap; there are few other timers.
    expect(armed - streams.length).toBeLessThan(10);
  });
});
