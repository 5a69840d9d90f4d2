/** The HTTP+SSE transport of 2024-11-05. */
import { describe, expect, test } from "bun:test";
import { notice } from "../../support/fake_gateway.ts";
import {
  createHarness,
  errorOf,
  type FrameReader,
  framesOf,
  type Harness,
  initialize,
  request,
  slowCall,
} from "../../support/http_harness.ts";

const headers = { "content-type": "application/json" };

interface Line {
  readonly stream: FrameReader;
  readonly url: string;
  post(message: unknown): Promise<Response>;
}

async function open(harness: Harness, path = "/sse"): Promise<Line> {
  const stream = framesOf(await harness.send("GET", path));
  const first = await stream.next();
  expect(first?.event).toBe("endpoint");
  const url = first?.data ?? "";
  return {
    stream,
    url,
    post: (message) => harness.send("POST", url, { headers, body: message }),
  };
}

async function connect(harness: Harness, revision = "2024-11-05", path = "/sse"): Promise<Line> {
  const line = await open(harness, path);
  const capabilities = { roots: {} };
  expect((await line.post(initialize(revision, capabilities))).status).toBe(202);
  expect(await line.stream.message()).toMatchObject({
    id: 0,
    result: { protocolVersion: revision },
  });
  await line.post({ jsonrpc: "2.0", method: "notifications/initialized" });
  return line;
}

describe("HTTP+SSE", () => {
  test("the first event names the URL for messages, per server too", async () => {
    const harness = createHarness();
    expect((await open(harness)).url).toMatch(/^\/messages\?sessionId=[0-9a-f-]{36}$/);
    expect((await open(harness, "/servers/files/sse")).url)
      .toMatch(/^\/servers\/files\/messages\?sessionId=[0-9a-f-]{36}$/);
    expect((await harness.send("GET", "/servers/missing/sse")).status).toBe(404);
  });

  test("the headers of a POST name the trace of its calls", async () => {
    const harness = createHarness();
    const line = await connect(harness);
    const traceparent = `00-${"a".repeat(32)}-${"b".repeat(16)}-01`;
    const slow = { name: "slow", arguments: {} };
    const body = request("a", "tools/call", slow);
    await harness.send("POST", line.url, { headers: { ...headers, traceparent }, body });
    await line.post(request("b", "tools/call", slow));
    const calls = [await harness.gateway.nextCall(), await harness.gateway.nextCall()];
    expect(calls.map(({ call }) => call.trace?.traceparent)).toEqual([traceparent, undefined]);
  });

  test("every revision runs over it, and answers are events named message", async () => {
    for (const revision of ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"]) {
      const harness = createHarness();
      const line = await connect(harness, revision);
      const posted = await line.post(request("a", "tools/call", { name: "echo" }));
      expect([posted.status, await posted.text()]).toEqual([202, ""]);
      const frame = await line.stream.next();
      expect([frame?.event, frame?.id]).toEqual(["message", undefined]);
      expect(JSON.parse(frame?.data ?? "")).toMatchObject({ id: "a", result: {} });
      // These sessions are never stored.
      expect(await harness.store.count()).toBe(0);
    }
  });

  test("notices, questions and the result of a call come on the stream in order", async () => {
    const harness = createHarness();
    const { stream, post } = await connect(harness);
    await post(slowCall(1, { progressToken: "t" }));
    const call = await harness.gateway.nextCall();
    call.notice("notifications/progress", { progress: 1 });
    call.ask("a", "roots/list", {});
    expect(await stream.message()).toMatchObject({ params: { progressToken: "t", progress: 1 } });
    const { id, method } = await stream.message();
    expect(method).toBe("roots/list");
    expect((await post({ jsonrpc: "2.0", id, result: { roots: [] } })).status).toBe(202);
    expect(await call.answered).toEqual({ kind: "answer", value: { roots: [] } });
    call.result({ content: [] });
    await harness.passGap();
    expect(await stream.message()).toEqual({ jsonrpc: "2.0", id: 1, result: { content: [] } });
    expect(harness.handler.broadcast(notice("notifications/tools/list_changed"))).toBe(1);
    expect(await stream.message()).toMatchObject({ method: "notifications/tools/list_changed" });
  });

  test("the client is asked nothing before the handshake is over", async () => {
    const harness = createHarness();
    const { stream, post } = await open(harness);
    await post(initialize("2024-11-05", { roots: {} }));
    expect(await stream.message()).toMatchObject({ id: 0 });
    const [watch] = harness.gateway.watches.values();
    const answer = watch?.watcher.ask({ kind: "ask", id: "x", method: "roots/list", params: {} });
    harness.clock.advance(15_000);
    expect((await stream.next())?.comment).toContain("heartbeat");
    await post({ jsonrpc: "2.0", method: "notifications/initialized" });
    const { id } = await stream.message();
    await post({ jsonrpc: "2.0", id, result: { roots: [] } });
    expect(await answer).toMatchObject({ kind: "answer" });
  });

  test("the end of the stream is the end of the session", async () => {
    const harness = createHarness();
    const { stream, post } = await connect(harness);
    await post(slowCall(1));
    const call = await harness.gateway.nextCall();
    await stream.cancel();
    await new Promise((resolve) => setTimeout(resolve, 0));
    expect(call.cancelled).toContain("closed its stream");
    expect(harness.gateway.watches.size).toBe(0);
    expect(harness.gateway.ended.length).toBe(1);
    expect(await errorOf(await post(request(2, "ping")))).toMatchObject({ status: 404, id: 2 });
  });

  test("a gateway that stops ends the stream with the last answer on it", async () => {
    const harness = createHarness();
    const { stream, post } = await connect(harness);
    await post(slowCall(1, { progressToken: "t" }));
    await post(slowCall(2));
    const [one, other] = [await harness.gateway.nextCall(), await harness.gateway.nextCall()];
    harness.handler.drain();
    other.result({});
    expect(await stream.message()).toMatchObject({ id: 2 });
    one.notice("notifications/progress", { progress: 1 });
    one.result({});
    await harness.passGap();
    expect(await stream.message()).toMatchObject({ params: { progress: 1 } });
    expect(await stream.message()).toMatchObject({ id: 1 });
    expect((await stream.next())?.retry).toBe("1000");
    expect(await stream.next()).toBe(undefined);
  });

  test("messages are refused without a stream, on another surface, or before initialize", async () => {
    const harness = createHarness();
    const { send } = harness;
    const body = request(1, "ping");
    expect((await send("POST", "/messages", { headers, body })).status).toBe(400);
    const unknown = `/messages?sessionId=${crypto.randomUUID()}`;
    expect((await send("POST", unknown, { headers, body })).status).toBe(404);
    const { url, post } = await open(harness);
    expect((await send("POST", `/servers/files${url}`, { headers, body })).status).toBe(404);
    expect(await errorOf(await post(body))).toMatchObject({ status: 400, id: 1 });
    expect((await post("{")).status).toBe(400);
    const text = { headers: { "content-type": "text/plain" }, body: "{}" };
    expect((await send("POST", url, text)).status).toBe(415);
    await post(initialize("2024-11-05"));
    expect((await post(initialize("2024-11-05"))).status).toBe(400);
  });

  test("a failed handshake is reported on the stream and may be tried again", async () => {
    const harness = createHarness();
    const { stream, post } = await open(harness);
    await post(request(5, "initialize", {}));
    expect(await stream.message()).toMatchObject({ id: 5, error: { code: -32602 } });
    await post(initialize("2024-11-05", {}, 6));
    expect(await stream.message()).toMatchObject({ id: 6, result: {} });
  });

  test("open streams count as sessions", async () => {
    const harness = createHarness({ limits: { sessionsMax: 1 } });
    const { stream } = await open(harness);
    expect((await harness.send("GET", "/sse")).status).toBe(503);
    await stream.cancel();
    await new Promise((resolve) => setTimeout(resolve, 0));
    expect((await harness.send("GET", "/sse")).status).toBe(200);
  });
});
