/** Event streams of Streamable HTTP: JSON or stream, GET streams, resumption, slow readers. */
import { describe, expect, test } from "bun:test";
import { notice } from "../../support/fake_gateway.ts";
import {
  createHarness,
  errorOf,
  framesOf,
  initialize,
  jsonHeaders,
  request,
  sessionOf,
  slowCall,
  type TestFrame,
} from "../../support/http_harness.ts";

const revisions = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"];
const isStream = (response: Response): boolean =>
  response.headers.get("content-type") === "text/event-stream";
const dataOf = (frame: TestFrame | undefined) => JSON.parse(frame?.data || "{}");

describe("the form of an answer", () => {
  test("an answer that comes soon is JSON", async () => {
    const { connect } = createHarness();
    for (const revision of revisions) {
      const session = await connect({ revision });
      const response = await session.post(request("x", "tools/call", { name: "echo" }));
      expect(response.headers.get("content-type")).toBe("application/json");
      expect(await response.json()).toMatchObject({ id: "x", result: { method: "tools/call" } });
    }
  });

  test("P10 a long call is answered on the stream of its own POST, in every revision", async () => {
    for (const revision of revisions) {
      const { connect, gateway, clock } = createHarness({ limits: { sseCommitMs: 1_000 } });
      const session = await connect({ revision });
      const answer = session.post(slowCall(1));
      const call = await gateway.nextCall();
      clock.advance(1_000);
      const response = await answer;
      expect([isStream(response), response.status]).toEqual([true, 200]);
      expect(response.headers.get("cache-control")).toBe("no-cache, no-transform");
      expect(response.headers.get("x-accel-buffering")).toBe("no");
      call.result({ content: [] });
      const frames = await framesOf(response).rest();
      // The head of a response may wait for its body: something is said at once, in any revision.
      // Older clients would parse the empty data of a priming event, so they get a comment.
      const first = frames.shift();
      expect(first?.data).toBe(revision === "2025-11-25" ? "" : undefined);
      expect(first?.comment).toBe(revision === "2025-11-25" ? undefined : "working");
      expect(frames.length).toBe(1);
      expect(frames[0]?.id).toBeTruthy();
      expect(dataOf(frames[0])).toEqual({ jsonrpc: "2.0", id: 1, result: { content: [] } });
    }
  });

  test("P10 progress and log messages make the answer a stream and keep their order", async () => {
    const { connect, gateway, passGap } = createHarness();
    const session = await connect();
    const answer = session.post(slowCall(1, { progressToken: 0 }));
    const call = await gateway.nextCall();
    expect(call.call.wantsProgress).toBe(true);
    expect(call.call.params).toEqual({ name: "slow", arguments: {} });
    for (const progress of [1, 2, 3]) call.notice("notifications/progress", { progress, total: 3 });
    call.notice("notifications/message", { level: "info", data: "half" });
    call.result({ content: [] });
    await passGap();
    const frames = (await framesOf(await answer).rest()).map(dataOf);
    expect(frames.map(({ method, params }) => params?.progress ?? method)).toEqual([
      undefined,
      1,
      2,
      3,
      "notifications/message",
      undefined,
    ]);
    expect(frames[1].params).toEqual({ progress: 1, total: 3, progressToken: 0 });
    expect(frames.at(-1)).toMatchObject({ id: 1, result: {} });
  });

  test("log messages less severe than the session wants are left out", async () => {
    const { connect, gateway } = createHarness();
    const session = await connect();
    await session.post(request(1, "logging/setLevel", { level: "error" }));
    const answer = session.post(slowCall(2));
    const call = await gateway.nextCall();
    expect(call.call.caller.logLevel).toBe("error");
    call.notice("notifications/message", { level: "info", data: "quiet" });
    call.notice("notifications/message", { level: "critical", data: "loud" });
    call.result({});
    const frames = (await framesOf(await answer).rest()).map(dataOf);
    expect(frames.flatMap(({ params }) => params?.data ?? [])).toEqual(["loud"]);
  });

  test("a client that takes only JSON gets JSON, however long it takes", async () => {
    const { connect, gateway, clock } = createHarness();
    const session = await connect();
    const answer = session.post(slowCall(1, { progressToken: 1 }), { accept: "application/json" });
    const call = await gateway.nextCall();
    call.notice("notifications/progress", { progress: 1 });
    clock.advance(60_000);
    call.result({ content: ["late"] });
    const response = await answer;
    expect(isStream(response)).toBe(false);
    expect(await response.json()).toMatchObject({ id: 1, result: { content: ["late"] } });
  });

  test("a client that takes only a stream gets one at once", async () => {
    const { connect } = createHarness();
    const session = await connect({ revision: "2025-06-18" });
    const response = await session.post(request(1, "ping"), { accept: "text/event-stream" });
    expect(isStream(response)).toBe(true);
    expect((await framesOf(response).rest()).slice(1).map(dataOf)).toEqual([
      { jsonrpc: "2.0", id: 1, result: {} },
    ]);
  });

  test("the requests of one batch share one stream", async () => {
    const { connect, gateway } = createHarness();
    const session = await connect({ revision: "2025-03-26" });
    const answer = session.post([slowCall(1), request(2, "ping"), slowCall(3)]);
    const [one, three] = [await gateway.nextCall(), await gateway.nextCall()];
    three.notice("notifications/message", { level: "info", data: 1 });
    three.result({});
    one.result({});
    const frames = (await framesOf(await answer).rest()).map(dataOf);
    const order = frames.map(({ id, method }) => id ?? method);
    expect([...order].sort()).toEqual([1, 2, 3, "notifications/message"]);
    expect(order.indexOf("notifications/message")).toBeLessThan(order.indexOf(3));
  });

  test("the listener is asked to hold every stream open, and silence gets heartbeats", async () => {
    const limits = { heartbeatMs: 15_000, heartbeatBareMs: 8_000 };
    const { connect, send, clock } = createHarness({ limits });
    const { id } = await connect();
    let held = 0;
    const headers = { accept: "text/event-stream", "mcp-session-id": id };
    const context = { holdOpen: () => void (held += 1) };
    const holding = framesOf(await send("GET", "/mcp", { headers, context }));
    const bare = framesOf(await send("GET", "/mcp", { headers }));
    expect(held).toBe(1);
    for (const stream of [holding, bare]) {
      await stream.next();
      await stream.next();
    }
    clock.advance(8_000);
    expect((await bare.next())?.comment).toContain("heartbeat");
    clock.advance(7_000);
    expect((await holding.next())?.comment).toContain("heartbeat");
    clock.advance(1_000);
    expect((await bare.next())?.comment).toContain("heartbeat");
  });
});

describe("GET streams", () => {
  test("P9 the first frames are the priming event and connection_established", async () => {
    const { connect } = createHarness();
    for (const revision of revisions) {
      const session = await connect({ revision });
      const response = await session.get({ accept: "*/*" });
      expect([response.status, isStream(response)]).toEqual([200, true]);
      const stream = framesOf(response);
      if (revision === "2025-11-25") {
        expect(await stream.next()).toMatchObject({ data: "", id: expect.any(String) });
      }
      const frame = await stream.next();
      expect(frame?.event).toBe("connection_established");
      expect(dataOf(frame)).toEqual({
        type: "connection_established",
        session_id: session.id,
        timestamp: expect.any(String),
      });
      await stream.cancel();
    }
  });

  test("P9 clients of the Python SDK, which warns of unknown events, get it as a comment", async () => {
    const { send, connect } = createHarness();
    const python = {
      ...initialize("2025-11-25"),
      params: {
        protocolVersion: "2025-11-25",
        capabilities: {},
        clientInfo: { name: "mcp", version: "0.1.0" },
      },
    };
    const opened = await send("POST", "/mcp", { headers: jsonHeaders, body: python });
    const named = sessionOf({ send }, opened.headers.get("mcp-session-id") ?? "");
    const other = await connect();
    const greetings = [
      [named, {}],
      [other, { "user-agent": "python-httpx/0.28.1" }],
      [other, { "user-agent": "python-httpx2/2.16.2" }],
    ] as const;
    for (const [session, headers] of greetings) {
      const stream = framesOf(await session.get(headers));
      await stream.next();
      const { comment = "", ...rest } = await stream.next() ?? {};
      expect(rest).toEqual({});
      const [word, ...json] = comment.split(" ");
      expect(word).toBe("connection_established");
      expect(JSON.parse(json.join(" "))).toEqual({
        type: "connection_established",
        session_id: session.id,
        timestamp: expect.any(String),
      });
      await stream.cancel();
    }
    const stream = framesOf(await other.get({ "user-agent": "node" }));
    await stream.next();
    expect((await stream.next())?.event).toBe("connection_established");
    await stream.cancel();
  });

  test("a GET without a session says what to send, or which URL an older client uses", async () => {
    const { send } = createHarness();
    const cases = [
      ["/mcp", "/sse"],
      ["/mcp/", "/sse"],
      ["/servers/files/mcp", "/servers/files/sse"],
      ["/servers/files/streamable", "/servers/files/sse"],
    ] as const;
    for (const [path, older] of cases) {
      for (const accept of ["text/event-stream", "text/html", "*/*"]) {
        const { status, message } = await errorOf(await send("GET", path, { headers: { accept } }));
        expect([path, accept, status]).toEqual([path, accept, 400]);
        expect(message).toContain("POST initialize first and repeat the Mcp-Session-Id it returns");
        expect(message.endsWith(`uses ${older}`)).toBe(true);
      }
    }
  });

  test("P9 messages reach one session or all, each as data of JSON", async () => {
    const { connect, handler, gateway } = createHarness();
    const sessions = [await connect(), await connect({ revision: "2025-03-26" }), await connect()];
    const streams = [];
    for (const session of sessions.slice(0, 2)) streams.push(framesOf(await session.get()));
    for (const stream of streams) await stream.message();
    // The third listens to nothing.
    expect(handler.broadcast(notice("notifications/tools/list_changed"))).toBe(2);
    for (const stream of streams) {
      expect(await stream.message()).toEqual({
        jsonrpc: "2.0",
        method: "notifications/tools/list_changed",
        params: {},
      });
    }
    const [first, , third] = [...gateway.watches.keys()];
    const hello = notice("notifications/message", { level: "info", data: "hello" });
    expect(handler.sendTo(first ?? "", hello)).toBe(true);
    expect(handler.sendTo(third ?? "", hello)).toBe(false);
    expect(handler.sendTo("missing", hello)).toBe(false);
    expect(await streams[0]?.message()).toMatchObject({ params: { data: "hello" } });
    await streams[1]?.cancel();
    await until(() => handler.broadcast(notice("notifications/tools/list_changed")) === 1);
  });

  test("P9 what was broadcast is encoded once and the bytes are shared", async () => {
    const { connect, handler } = createHarness();
    const readers = [];
    for (let count = 0; count < 3; count += 1) {
      const body = (await (await connect({ revision: "2025-06-18" })).get()).body;
      const reader = body?.getReader();
      await reader?.read();
      readers.push(reader);
    }
    handler.broadcast(notice("notifications/prompts/list_changed"));
    const chunks = await Promise.all(readers.map(async (reader) => (await reader?.read())?.value));
    expect(chunks[0]).toBe(chunks[1]);
    expect(chunks[0]).toBe(chunks[2]);
  });

  test("C7 the newest stream gets the messages, and the oldest ends if there are too many", async () => {
    const { connect, gateway } = createHarness({ limits: { sessionStreamsMax: 2 } });
    const session = await connect({ revision: "2025-06-18" });
    const streams = [];
    for (let count = 0; count < 3; count += 1) streams.push(framesOf(await session.get()));
    expect((await streams[0]?.rest())?.length).toBe(1);
    const [watch] = gateway.watches.values();
    watch?.watcher.notice(notice("notifications/message", { level: "info", data: "one" }));
    await streams[1]?.message();
    await streams[2]?.message();
    expect(await streams[2]?.message()).toMatchObject({ params: { data: "one" } });
    await streams[2]?.cancel();
    await new Promise((resolve) => setTimeout(resolve, 0));
    watch?.watcher.notice(notice("notifications/message", { level: "info", data: "two" }));
    expect(await streams[1]?.message()).toMatchObject({ params: { data: "two" } });
  });

  test("messages without a listener wait; changes are sent once and carry no id", async () => {
    const { connect, gateway } = createHarness();
    const session = await connect();
    const [watch] = gateway.watches.values();
    for (const data of [1, 2]) {
      watch?.watcher.notice(notice("notifications/message", { level: "info", data }));
      watch?.watcher.notice(notice("notifications/tools/list_changed"));
      watch?.watcher.notice(notice("notifications/resources/updated", { uri: `file:///${data}` }));
    }
    const stream = framesOf(await session.get());
    const frames: TestFrame[] = [];
    while (frames.length < 7) frames.push(await stream.next() ?? {});
    const told = frames.slice(2).map((frame) => ({
      ...dataOf(frame),
      sse: frame.id !== undefined,
    }));
    expect(told.map(({ method, params, sse }) => [method, params.data ?? params.uri, sse])).toEqual(
      [
        ["notifications/message", 1, true],
        ["notifications/message", 2, true],
        ["notifications/resources/updated", "file:///1", false],
        ["notifications/tools/list_changed", undefined, false],
        ["notifications/resources/updated", "file:///2", false],
      ],
    );
  });

  test("what waits for a listener is bounded", async () => {
    const { connect, gateway } = createHarness({ limits: { sessionWaitingMax: 3 } });
    const session = await connect({ revision: "2025-06-18" });
    const [watch] = gateway.watches.values();
    for (let count = 0; count < 10; count += 1) {
      watch?.watcher.notice(notice("notifications/message", { level: "info", data: count }));
      const uri = `file:///${count}`;
      watch?.watcher.notice(notice("notifications/resources/updated", { uri }));
    }
    const stream = framesOf(await session.get());
    await stream.message();
    const told = [];
    for (let count = 0; count < 6; count += 1) told.push((await stream.message()).params);
    expect(told.map((params) => (params as { data?: number; uri?: string }).data)).toEqual([
      0,
      1,
      2,
      undefined,
      undefined,
      undefined,
    ]);
    expect(told.at(-1)).toEqual({ uri: "file:///9" });
  });

  test("draining ends the streams with a hint to come back", async () => {
    const { connect, handler } = createHarness();
    const stream = framesOf(await (await connect({ revision: "2025-06-18" })).get());
    handler.drain();
    expect((await stream.rest()).at(-1)).toEqual({ retry: "1000" });
  });
});

describe("a broken stream", () => {
  test("B13 a disconnect does not cancel: GET with the last event id returns the rest", async () => {
    const { connect, gateway } = createHarness();
    const session = await connect();
    const answer = session.post(slowCall(1));
    const call = await gateway.nextCall();
    call.notice("notifications/message", { level: "info", data: 1 });
    const broken = framesOf(await answer);
    await broken.next();
    const seen = await broken.next();
    await broken.cancel();
    call.notice("notifications/message", { level: "info", data: 2 });
    await settled();
    expect(call.cancelled).toBe(undefined);
    const resumed = framesOf(await session.get({ "last-event-id": seen?.id ?? "" }));
    expect(await resumed.message()).toMatchObject({ params: { data: 2 } });
    call.notice("notifications/message", { level: "info", data: 3 });
    expect(await resumed.message()).toMatchObject({ params: { data: 3 } });
    call.result({ content: ["done"] });
    expect((await resumed.rest()).map(dataOf)).toEqual([
      { jsonrpc: "2.0", id: 1, result: { content: ["done"] } },
    ]);
  });

  test("an answer that came meanwhile is replayed, and then the stream is over for good", async () => {
    const { connect, gateway, clock } = createHarness();
    const session = await connect();
    const answer = session.post(slowCall(1));
    const call = await gateway.nextCall();
    clock.advance(1_000);
    const broken = framesOf(await answer);
    const primed = await broken.next();
    await broken.cancel();
    await settled();
    call.result({ content: ["kept"] });
    await settled();
    const resumed = framesOf(await session.get({ "last-event-id": primed?.id ?? "" }));
    const frame = await resumed.next();
    expect(dataOf(frame)).toMatchObject({ id: 1, result: { content: ["kept"] } });
    expect(await resumed.next()).toBe(undefined);
    expect((await session.get({ "last-event-id": frame?.id ?? "" })).status).toBe(204);
  });

  test("a GET stream goes on where it broke, and other streams' messages stay out of it", async () => {
    const { connect, gateway } = createHarness();
    const session = await connect();
    const [watch] = gateway.watches.values();
    const log = (data: unknown) =>
      watch?.watcher.notice(notice("notifications/message", { level: "info", data }));
    const broken = framesOf(await session.get());
    await broken.message();
    log(1);
    log(2);
    const first = await broken.next();
    // A dead reader that is not noticed yet: the client comes back next to it.
    const resumed = framesOf(await session.get({ "last-event-id": first?.id ?? "" }));
    expect(await resumed.message()).toMatchObject({ params: { data: 2 } });
    log(3);
    expect(await resumed.message()).toMatchObject({ type: "connection_established" });
    expect(await resumed.message()).toMatchObject({ params: { data: 3 } });
    expect((await broken.rest()).map(dataOf).flatMap(({ params }) => params?.data ?? []))
      .toEqual([2]);
    const answer = session.post(slowCall(9));
    const call = await gateway.nextCall();
    call.notice("notifications/message", { level: "info", data: "call" });
    call.result({});
    await answer;
    const again = framesOf(await session.get({ "last-event-id": first?.id ?? "" }));
    expect(await again.message()).toMatchObject({ params: { data: 2 } });
    expect(await again.message()).toMatchObject({ type: "connection_established" });
  });

  test("C6 a forged event id gives a fresh stream and no event of another session", async () => {
    const { connect, gateway, clock } = createHarness();
    const [mine, theirs] = [await connect(), await connect()];
    const answer = theirs.post(slowCall(1));
    const call = await gateway.nextCall();
    clock.advance(1_000);
    const stream = framesOf(await answer);
    const foreign = (await stream.next())?.id ?? "";
    call.notice("notifications/message", { level: "info", data: "secret" });
    await stream.next();
    for (const id of [foreign, "-1", "99999999999999999999", "' or 1=1 --", "a-b-1-1"]) {
      const forged = framesOf(await mine.get({ "last-event-id": id }));
      expect((await forged.next())?.data).toBe("");
      expect((await forged.next())?.event).toBe("connection_established");
      clock.advance(15_000);
      expect((await forged.next())?.comment).toContain("heartbeat");
      await forged.cancel();
    }
    await stream.cancel();
  });

  test("C8 the events kept for resumption are bounded; the newest are kept", async () => {
    const { connect, gateway } = createHarness({ limits: { replayFramesMax: 10 } });
    const session = await connect();
    const answer = session.post(slowCall(1));
    const call = await gateway.nextCall();
    call.notice("notifications/message", { level: "info", data: 0 });
    const broken = framesOf(await answer);
    const primed = await broken.next();
    await broken.cancel();
    for (let data = 1; data <= 50; data += 1) {
      call.notice("notifications/message", { level: "info", data });
    }
    call.result({});
    await settled();
    const resumed = framesOf(await session.get({ "last-event-id": primed?.id ?? "" }));
    const frames = (await resumed.rest()).map(dataOf);
    expect(frames.length).toBe(10);
    expect(frames.at(-2)).toMatchObject({ params: { data: 50 } });
    expect(frames.at(-1)).toMatchObject({ id: 1, result: {} });
  });

  test("P9 a slow reader's stream ends at its budget and is resumed without loss", async () => {
    const limits = { streamBytesMax: 2_000 };
    const { connect, gateway, handler } = createHarness({ limits });
    const session = await connect();
    const other = framesOf(await (await connect()).get());
    await other.message();
    const answer = session.post(slowCall(1));
    const call = await gateway.nextCall();
    for (let data = 0; data < 100; data += 1) {
      call.notice("notifications/message", { level: "info", data });
    }
    call.result({ content: [] });
    const response = await answer;
    await settled();
    const seen: unknown[] = [];
    let last = "";
    let stream = framesOf(response);
    for (let round = 0; round < 100 && seen.length < 101; round += 1) {
      for (const frame of await stream.rest()) {
        if (frame.id !== undefined) last = frame.id;
        if (frame.data) seen.push(dataOf(frame).params?.data ?? "result");
      }
      if (seen.length >= 101) break;
      // Without any event seen there is nothing to resume from.
      if (last === "") throw new Error("The stream ended before its first event");
      stream = framesOf(await session.get({ "last-event-id": last }));
    }
    expect(seen).toEqual([...Array.from({ length: 100 }, (_, data) => data), "result"]);
    expect(handler.broadcast(notice("notifications/tools/list_changed"))).toBe(1);
    expect(await other.message()).toMatchObject({ method: "notifications/tools/list_changed" });
  });

  test("changes for a reader that lags are sent once when it has caught up", async () => {
    const { connect, gateway, clock } = createHarness({ limits: { streamBytesMax: 2_000 } });
    const session = await connect({ revision: "2025-06-18" });
    const [watch] = gateway.watches.values();
    const stream = framesOf(await session.get());
    const text = "x".repeat(1_500);
    watch?.watcher.notice(notice("notifications/message", { level: "info", data: text }));
    for (let count = 0; count < 500; count += 1) {
      watch?.watcher.notice(notice("notifications/tools/list_changed"));
    }
    await stream.message();
    expect(await stream.message()).toMatchObject({ params: { data: text } });
    clock.advance(15_000);
    expect(await stream.message()).toMatchObject({ method: "notifications/tools/list_changed" });
    clock.advance(15_000);
    const frames = [await stream.next(), await stream.next()];
    expect(frames.some((frame) => frame?.data !== undefined)).toBe(false);
  });

  test("event ids of an earlier run resume nothing and break nothing", async () => {
    const first = createHarness();
    const session = await first.connect();
    const primed = await framesOf(await session.get()).next();
    const second = createHarness({ store: first.store, clock: first.clock });
    const again = sessionOf(second, session.id);
    const stream = framesOf(await again.get({ "last-event-id": primed?.id ?? "" }));
    expect((await stream.next())?.data).toBe("");
    expect((await stream.next())?.event).toBe("connection_established");
  });
});

/** Lets everything that is ready happen. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setTimeout(resolve, 0));
}

async function until(condition: () => boolean): Promise<void> {
  for (let turn = 0; turn < 100 && !condition(); turn += 1) await settled();
  expect(condition()).toBe(true);
}
