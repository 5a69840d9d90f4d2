/**
 * Streams that are resumed after the gateway was killed: what was stored is sent again, and each
 * request that was open gets an honest end. What a stored stream costs, and when it costs nothing.
 */
import { describe, expect, test } from "bun:test";
import { defaultLimits } from "../../../src/limits.ts";
import { createFakeEventStore } from "../../support/fake_event_store.ts";
import { notice } from "../../support/fake_gateway.ts";
import {
  createHarness,
  type FrameReader,
  framesOf,
  type Harness,
  request,
  sessionOf,
  slowCall,
  type TestFrame,
} from "../../support/http_harness.ts";

const { eventFlushMs, storageRetryMs } = defaultLimits;

/** Lets everything that is ready happen. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setTimeout(resolve, 0));
}

/** A gateway that stores streams, and the same after a kill: nothing of its memory is left. */
function createRuns(changes: Parameters<typeof createHarness>[0] = {}) {
  const events = createFakeEventStore();
  const first = createHarness({ ...changes, events });
  const again = () => createHarness({ ...changes, events, store: first.store, clock: first.clock });
  const flush = async () => {
    first.clock.advance(eventFlushMs);
    await settled();
  };
  return { events, first, again, flush };
}

/** A call with its stream open, and a first progress read. */
async function openCall(harness: Harness, id: unknown = 1, revision = "2025-11-25") {
  const session = await harness.connect({ revision });
  const answer = session.post(slowCall(id, { progressToken: 7 }));
  const call = await harness.gateway.nextCall();
  call.notice("notifications/progress", { progress: 1 });
  const stream = framesOf(await answer);
  return { session, call, stream };
}

/** The next frame with a message. */
async function nextMessage(stream: FrameReader): Promise<TestFrame> {
  for (;;) {
    const frame = await stream.next();
    if (frame === undefined) throw new Error("The stream ended");
    if (frame.data) return frame;
  }
}

const dataOf = (frame: TestFrame | undefined) => JSON.parse(frame?.data || "{}");
const resume = (harness: Harness, session: string, id: string | undefined) =>
  sessionOf(harness, session).get({ "last-event-id": id ?? "" });

describe("a call that was open when the gateway was killed", () => {
  test("G4 ends on its resumed stream, which says that the outcome is unknown", async () => {
    const { first, again, flush } = createRuns();
    const { session, call, stream } = await openCall(first, "a");
    const primed = await stream.next();
    call.notice("notifications/progress", { progress: 2 });
    const seen = await nextMessage(stream);
    await flush();
    const second = again();
    const frames = await framesOf(await resume(second, session.id, seen.id)).rest();
    expect(frames.map(dataOf)).toEqual([
      {
        jsonrpc: "2.0",
        method: "notifications/progress",
        params: { progressToken: 7, progress: 2 },
      },
      {
        jsonrpc: "2.0",
        id: "a",
        error: {
          code: -32603,
          message: expect.stringContaining("whether it took effect is unknown"),
          data: { reason: "outcome_unknown", outcome: "unknown" },
        },
      },
    ]);
    // From the priming event the same frames come again, each with the id that it had.
    const all = await framesOf(await resume(second, session.id, primed?.id)).rest();
    expect(all.map(({ id }) => id)).toEqual([seen.id, ...frames.map(({ id }) => id)]);
    // A client that has the end gets nothing more, also after another restart.
    const last = await resume(again(), session.id, frames.at(-1)?.id);
    expect(last.status).toBe(204);
  });

  test("G4 has its end in every revision whose clients resume", async () => {
    for (const revision of ["2025-03-26", "2025-06-18", "2025-11-25"]) {
      const { first, again } = createRuns();
      const { session, stream } = await openCall(first, 1, revision);
      const seen = await nextMessage(stream);
      // Killed before the batch: the client has seen what is not on disk.
      const frames = await framesOf(await resume(again(), session.id, seen.id)).rest();
      expect([revision, ...frames.map((frame) => dataOf(frame).error?.data.outcome)]).toEqual([
        revision,
        "unknown",
      ]);
    }
  });

  test("G4 ends once for each request of a batch that had no answer", async () => {
    const { first, again, flush } = createRuns();
    const session = await first.connect({ revision: "2025-03-26" });
    const calls = [
      slowCall(1, { progressToken: 1 }),
      slowCall("1"),
      slowCall(2),
      request(3, "ping"),
    ];
    const answer = session.post(calls);
    const [one] = [await first.gateway.nextCall(), await first.gateway.nextCall()];
    const third = await first.gateway.nextCall();
    one?.notice("notifications/progress", { progress: 1 });
    const stream = framesOf(await answer);
    const id = (await stream.next())?.id ?? (await nextMessage(stream)).id;
    third.result({ content: [] });
    await flush();
    const frames = await framesOf(await resume(again(), session.id, id)).rest();
    const ends = frames.map(dataOf).filter(({ error }) => error !== undefined);
    expect(ends.map((end) => [end.id, end.error.data.outcome])).toEqual([[1, "unknown"], [
      "1",
      "unknown",
    ]]);
  });

  test("keeps the answer that came while its client was away", async () => {
    const { first, again } = createRuns();
    const { session, call, stream } = await openCall(first);
    const seen = await nextMessage(stream);
    await stream.cancel();
    await settled();
    call.result({ content: [], late: true });
    await first.passGap();
    // At once: no time passes for a batch.
    await settled();
    const frames = await framesOf(await resume(again(), session.id, seen.id)).rest();
    expect(frames.map((frame) => dataOf(frame).result)).toEqual([{ content: [], late: true }]);
  });

  test("C6 is unknown in another session, and to a forged id", async () => {
    const { first, again, flush } = createRuns();
    const { stream } = await openCall(first);
    const other = await first.connect();
    const seen = await nextMessage(stream);
    await flush();
    const second = again();
    for (const id of [seen.id, `${seen.id}x`, `x${seen.id}`, "-1", "x".repeat(10_000)]) {
      const resumed = framesOf(await resume(second, other.id, id));
      expect((await resumed.next())?.data).toBe("");
      expect((await resumed.next())?.event).toBe("connection_established");
      await resumed.cancel();
    }
  });
});

describe("the standalone stream of a killed gateway", () => {
  test("is replayed, and goes on", async () => {
    const { first, again, flush } = createRuns();
    const session = await first.connect();
    const [watch] = first.gateway.watches.values();
    const stream = framesOf(await session.get());
    const primed = await stream.next();
    const log = (data: string) =>
      watch?.watcher.notice(notice("notifications/message", { level: "info", data }));
    log("one");
    log("two");
    await flush();
    const second = again();
    const resumed = framesOf(await resume(second, session.id, primed?.id));
    expect((await resumed.message())["params"]).toMatchObject({ data: "one" });
    expect((await resumed.message())["params"]).toMatchObject({ data: "two" });
    expect((await resumed.next())?.data).toBe("");
    expect((await resumed.next())?.event).toBe("connection_established");
  });

  test("costs no write while nothing of its own is sent", async () => {
    const { events, first, flush } = createRuns();
    const session = await first.connect();
    framesOf(await session.get());
    await flush();
    expect(events.batches).toEqual([]);
  });
});

describe("what a stream costs", () => {
  test("an answer as JSON, or as a stream that ends in its first write, costs no write", async () => {
    const { events, first, flush } = createRuns();
    const session = await first.connect();
    await (await session.post(request(1, "tools/call", { name: "echo" }))).text();
    await (await session.post(request(1, "ping"), { accept: "text/event-stream" })).text();
    await flush();
    expect(events.batches).toEqual([]);
  });

  test("the row is there before the first byte, and frames come in one batch", async () => {
    const { events, first, flush } = createRuns();
    const { call, stream } = await openCall(first);
    const [[opened] = []] = events.batches;
    expect(events.batches.length).toBe(1);
    expect(opened).toMatchObject({ isCall: true, requests: [1], first: 1 });
    for (let progress = 2; progress < 20; progress += 1) {
      call.notice("notifications/progress", { progress });
    }
    await nextMessage(stream);
    await flush();
    expect(events.batches.length).toBe(2);
    expect(events.batches[1]?.[0]?.frames.length).toBeGreaterThan(10);
  });

  test("a stream that is read to its end within a batch writes its row alone", async () => {
    const { events, first, flush } = createRuns();
    const { call, stream } = await openCall(first);
    call.result({ content: [] });
    await first.passGap();
    await stream.rest();
    await settled();
    await flush();
    expect(events.batches.length).toBe(1);
  });

  test("C8 what the session keeps no longer is removed from the store", async () => {
    const { events, first, flush } = createRuns({ limits: { replayStreamsMax: 1 } });
    const { session, call, stream } = await openCall(first);
    await flush();
    call.result({ content: [] });
    await first.passGap();
    await stream.rest();
    await flush();
    const answer = session.post(slowCall(2, { progressToken: 8 }));
    const next = await first.gateway.nextCall();
    next.notice("notifications/progress", { progress: 1 });
    framesOf(await answer);
    await flush();
    const forgotten = events.batches.flat().filter((change) => change.isForgotten);
    expect(forgotten.length).toBe(1);
  });

  test("G2 a full disk harms no stream, and is written about once", async () => {
    const { events, first, again, flush } = createRuns();
    events.isFull = true;
    const { session, call, stream } = await openCall(first);
    const seen = await nextMessage(stream);
    for (let progress = 2; progress < 5; progress += 1) {
      call.notice("notifications/progress", { progress });
      first.clock.advance(storageRetryMs);
      await settled();
    }
    expect(first.records.filter(({ message }) => message.includes("Cannot store")).length).toBe(1);
    events.isFull = false;
    first.clock.advance(storageRetryMs);
    await settled();
    await flush();
    const frames = await framesOf(await resume(again(), session.id, seen.id)).rest();
    expect(frames.map((frame) => dataOf(frame).params?.progress)).toEqual([2, 3, 4, undefined]);
  });
});
