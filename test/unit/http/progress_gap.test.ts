/**
 * Progress leaves before the answer that follows it, on every transport, because some clients lose
 * a notice that arrives in one read with the answer. The tests compare when each is written.
 */
import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../../src/errors.ts";
import { createHarness, framesOf, slowCall } from "../../support/http_harness.ts";
import { slowCalls } from "../../support/slow_calls.ts";

/** Resolves when all that needs no timer has been done. */
const turn = () => new Promise((resolve) => setTimeout(resolve, 0));
const progress = ["notifications/progress", { progress: 1 }] as const;

describe("progress right before an answer", () => {
  for (const [name, begin] of Object.entries(slowCalls)) {
    test(`is written in an earlier turn than the answer: ${name}`, async () => {
      const harness = createHarness();
      const { call, stream } = await begin(harness);
      call.notice(...progress);
      call.result({ content: [] });
      const frames = await stream();
      expect(await frames.message()).toMatchObject({ params: { progress: 1 } });
      let answered = false;
      const answer = frames.message().finally(() => answered = true);
      await turn();
      expect(answered).toBe(false);
      await harness.passGap();
      expect(await answer).toMatchObject({ id: 1, result: {} });
    });

    test(`counts from the last one, and an error waits as a result does: ${name}`, async () => {
      const harness = createHarness({ limits: { progressGapMs: 10 } });
      const { call, stream } = await begin(harness);
      call.notice(...progress);
      const frames = await stream();
      await frames.message();
      harness.clock.advance(9);
      call.notice(...progress);
      await frames.message();
      call.fail(new GatewayError("upstream_timeout"));
      let answered = false;
      const answer = frames.message().finally(() => answered = true);
      await turn();
      harness.clock.advance(9);
      await turn();
      expect(answered).toBe(false);
      harness.clock.advance(1);
      expect(await answer).toMatchObject({ id: 1, error: {} });
    });

    test(`long before it delays nothing: ${name}`, async () => {
      const harness = createHarness();
      const { call, stream } = await begin(harness);
      call.notice(...progress);
      const frames = await stream();
      await frames.message();
      await harness.passGap();
      call.result({ content: [] });
      expect(await frames.message()).toMatchObject({ id: 1, result: {} });
    });

    test(`is no reason for the end of the gateway to lose the answer: ${name}`, async () => {
      const harness = createHarness();
      const { call, stream } = await begin(harness);
      call.notice(...progress);
      call.result({ content: [] });
      const frames = await stream();
      await frames.message();
      await turn();
      await harness.handler.close();
      expect(await frames.message()).toMatchObject({ id: 1, result: {} });
    });
  }

  test("on a standalone stream, too, comes before the answer of a client that takes JSON", async () => {
    const harness = createHarness();
    const session = await harness.connect();
    const standing = framesOf(await session.get());
    await standing.next();
    let answered = false;
    const answer = session.post(slowCall(1, { progressToken: "t" }), {
      accept: "application/json",
    }).finally(() => answered = true);
    const call = await harness.gateway.nextCall();
    call.notice(...progress);
    call.result({ content: [] });
    for (;;) {
      const frame = await standing.next();
      if (frame?.data?.includes("notifications/progress")) break;
    }
    await turn();
    expect(answered).toBe(false);
    await harness.passGap();
    expect(await (await answer).json()).toMatchObject({ id: 1, result: {} });
  });

  test("the answer waits for a client that left in between", async () => {
    const harness = createHarness();
    const session = await harness.connect();
    const answer = session.post(slowCall(1, { progressToken: "t" }));
    const call = await harness.gateway.nextCall();
    call.notice(...progress);
    call.result({ content: [] });
    const frames = framesOf(await answer);
    const primed = await frames.next();
    await frames.message();
    await frames.cancel();
    await harness.passGap();
    const resumed = framesOf(await session.get({ "last-event-id": primed?.id ?? "" }));
    expect(await resumed.message()).toMatchObject({ params: { progress: 1 } });
    expect(await resumed.message()).toMatchObject({ id: 1, result: {} });
  });

  test("a client that cancels in between gets no answer", async () => {
    const harness = createHarness();
    const session = await harness.connect();
    const answer = session.post(slowCall(1, { progressToken: "t" }));
    const call = await harness.gateway.nextCall();
    call.notice(...progress);
    call.result({ content: [] });
    const frames = framesOf(await answer);
    await frames.message();
    await turn();
    const method = "notifications/cancelled";
    await session.post({ jsonrpc: "2.0", method, params: { requestId: 1 } });
    expect(await frames.rest()).toEqual([]);
  });

  test("log lines before an answer delay nothing", async () => {
    const harness = createHarness();
    const session = await harness.connect();
    const answer = session.post(slowCall(1, { progressToken: "t" }));
    const call = await harness.gateway.nextCall();
    call.notice("notifications/message", { level: "info", data: "half" });
    call.result({ content: [] });
    const frames = framesOf(await answer);
    expect(await frames.message()).toMatchObject({ method: "notifications/message" });
    expect(await frames.message()).toMatchObject({ id: 1, result: {} });
  });
});
