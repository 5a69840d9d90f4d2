/** Stateless calls: the form of an answer, its end by the client or the gateway, and its bounds. */
import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../../src/errors.ts";
import type { JsonObject } from "../../../src/model.ts";
import { createHarness, errorOf, framesOf } from "../../support/http_harness.ts";
import { ask, askSlow, signature } from "../../support/stateless_client.ts";
import { until } from "../../support/wait.ts";

const json = "application/json";
const stream = "text/event-stream";
const typeOf = (response: Response) => response.headers.get("content-type");
const progress = (done: number) => ["notifications/progress", { progress: done }] as const;
const log = (level: string) => ["notifications/message", { level, data: level }] as const;
const complete = { resultType: "complete", _meta: signature };

describe("the form of an answer", () => {
  test("a result that comes alone is JSON", async () => {
    const harness = createHarness();
    const answer = askSlow(harness, { id: "x" });
    (await harness.gateway.nextCall()).result({ content: [] });
    const response = await answer;
    expect(typeOf(response)).toBe(json);
    expect(await response.json())
      .toEqual({ jsonrpc: "2.0", id: "x", result: { content: [], ...complete } });
  });

  test("progress makes it a stream of that request alone, without ids to resume from", async () => {
    const harness = createHarness();
    const answer = askSlow(harness, { id: 0, progressToken: 0 });
    const call = await harness.gateway.nextCall();
    expect(call.call.wantsProgress).toBe(true);
    call.notice(...progress(1));
    const response = await answer;
    expect([response.status, typeOf(response)]).toEqual([200, stream]);
    expect(response.headers.get("x-accel-buffering")).toBe("no");
    call.notice(...progress(2));
    call.result({ content: [] });
    await harness.passGap();
    const frames = await framesOf(response).rest();
    expect(frames.map(({ data, id, retry }) => [JSON.parse(data ?? ""), id, retry])).toEqual([
      [progressMessage(1), undefined, undefined],
      [progressMessage(2), undefined, undefined],
      [
        { jsonrpc: "2.0", id: 0, result: { content: [], ...complete } },
        undefined,
        undefined,
      ],
    ]);
  });

  const progressMessage = (done: number) => ({
    jsonrpc: "2.0",
    method: "notifications/progress",
    params: { progress: done, progressToken: 0 },
  });

  test("notices that the client does not want are not sent and do not affect the form", async () => {
    const harness = createHarness();
    const answer = askSlow(harness);
    const call = await harness.gateway.nextCall();
    call.notice(...progress(1));
    call.notice(...log("emergency"));
    call.notice("notifications/elicitation/complete", { elicitationId: "e" });
    call.result({});
    expect(typeOf(await answer)).toBe(json);
  });

  test("log lines come from the level that this request names", async () => {
    const harness = createHarness();
    const answer = askSlow(harness, { meta: { logLevel: "warning" } });
    const call = await harness.gateway.nextCall();
    expect(call.call.caller.logLevel).toBe("warning");
    for (const level of ["info", "warning", "debug", "error"]) call.notice(...log(level));
    call.result({});
    const frames = await framesOf(await answer).rest();
    const levels = frames.map(({ data }) => JSON.parse(data ?? "").params?.level);
    expect(levels).toEqual(["warning", "error", undefined]);
  });

  test("a long silence makes it a stream, which sends a first comment at once", async () => {
    const harness = createHarness();
    let held = 0;
    const answer = askSlow(harness, { context: { holdOpen: () => void (held += 1) } });
    const call = await harness.gateway.nextCall();
    harness.clock.advance(9_999);
    expect(held).toBeGreaterThan(0);
    harness.clock.advance(1);
    const response = await answer;
    expect(typeOf(response)).toBe(stream);
    const frames = framesOf(response);
    expect((await frames.next())?.comment).toBe("working");
    harness.clock.advance(15_000);
    expect((await frames.next())?.comment).toContain("heartbeat");
    call.result({ a: 1 });
    expect((await frames.message()).result).toEqual({ a: 1, ...complete });
    expect(await frames.next()).toBe(undefined);
  });

  test("if a listener cuts silence after ten seconds, it sends a comment before", async () => {
    const harness = createHarness();
    const answer = askSlow(harness);
    const call = await harness.gateway.nextCall();
    harness.clock.advance(8_000);
    expect(typeOf(await answer)).toBe(stream);
    call.result({});
  });

  test("if a listener cannot notice a client leave before the answer, the answer begins after a second", async () => {
    const harness = createHarness();
    const answer = askSlow(harness, { context: { holdOpen() {}, disconnectHidden: true } });
    const call = await harness.gateway.nextCall();
    harness.clock.advance(1_000);
    harness.clock.advance(0);
    const response = await answer;
    expect(typeOf(response)).toBe(stream);
    await response.body?.cancel();
    await until("the call to be given up", () => call.cancelled !== undefined);
  });

  test("an error that comes late has its status, as long as nothing was sent", async () => {
    const harness = createHarness();
    const answer = askSlow(harness, { progressToken: "p", context: { holdOpen() {} } });
    const call = await harness.gateway.nextCall();
    harness.clock.advance(9_000);
    const data = { requiredCapabilities: { sampling: {} } };
    call.fail(new GatewayError("capability_missing", undefined, { data }));
    const response = await answer;
    expect(typeOf(response)).toBe(json);
    expect(await errorOf(response)).toMatchObject({ status: 400, code: -32021, id: 1, data });
  });

  test("after the first frame it is reported inside the stream", async () => {
    const harness = createHarness();
    const answer = askSlow(harness, { progressToken: "p" });
    const call = await harness.gateway.nextCall();
    call.notice(...progress(1));
    call.fail(new GatewayError("capability_missing"));
    await harness.passGap();
    const response = await answer;
    expect(response.status).toBe(200);
    const frames = framesOf(response);
    await frames.message();
    expect(await frames.message()).toMatchObject({ id: 1, error: { code: -32021 } });
    expect(await frames.next()).toBe(undefined);
  });

  test("failures of servers are answers of 200, the gateway's own have a status", async () => {
    const harness = createHarness();
    const fail = async (error: GatewayError) => {
      const answer = askSlow(harness);
      (await harness.gateway.nextCall()).fail(error);
      const response = await answer;
      const { status, code } = await errorOf(response);
      return [status, code, response.headers.get("retry-after")];
    };
    const theirs = { code: -32601, message: "no" };
    expect(await fail(new GatewayError("upstream_unavailable"))).toEqual([200, -32603, null]);
    expect(await fail(new GatewayError("invalid_params"))).toEqual([200, -32602, null]);
    expect(await fail(new GatewayError("upstream_error", "no", { upstream: theirs })))
      .toEqual([404, -32601, null]);
    expect(await fail(new GatewayError("overloaded"))).toEqual([503, -32603, "1"]);
    expect(await fail(new GatewayError("internal"))).toEqual([500, -32603, null]);
    expect(harness.records.some(({ message }) => message.includes("tools/call"))).toBe(true);
  });

  test("a client that takes only one of the two forms gets that one", async () => {
    const harness = createHarness();
    const only = async (accept: string, error?: GatewayError) => {
      const answer = askSlow(harness, { progressToken: 1, headers: { accept } });
      const call = await harness.gateway.nextCall();
      if (accept === json) {
        call.notice(...progress(1));
        harness.clock.advance(20_000);
      }
      if (error === undefined) call.result({});
      else call.fail(error);
      const response = await answer;
      return [response.status, typeOf(response), await response.text()] as const;
    };
    expect((await only(json)).slice(0, 2)).toEqual([200, json]);
    const [status, type, text] = await only(stream);
    expect([status, type]).toEqual([200, stream]);
    expect(text).toContain('data: {"jsonrpc":"2.0","id":1,"result"');
    expect((await only(stream, new GatewayError("capability_missing"))).slice(0, 2))
      .toEqual([400, json]);
  });

  test("questions are the end of a request, and their answers come with the next one", async () => {
    const harness = createHarness();
    const first = askSlow(harness);
    const call = await harness.gateway.nextCall();
    expect(call.call.resume).toBe(undefined);
    const params = { message: "Who?", requestedSchema: { type: "object", properties: {} } };
    call.reply({
      kind: "inputRequired",
      questions: [{ key: "q1", method: "elicitation/create", params }],
      state: "sealed",
    });
    const response = await first;
    expect([response.status, typeOf(response)]).toEqual([200, json]);
    expect((await response.json() as JsonObject).result).toEqual({
      resultType: "input_required",
      _meta: signature,
      inputRequests: { q1: { method: "elicitation/create", params } },
      requestState: "sealed",
    });
    const inputResponses = { q1: { action: "accept", content: {} } };
    const again = ask(harness, "tools/call", {
      name: "slow",
      arguments: {},
      inputResponses,
      requestState: "sealed",
    }, { id: 2 });
    const second = await harness.gateway.nextCall();
    expect(second.call.resume).toEqual({ answers: inputResponses, state: "sealed" });
    expect(second.call.params).toEqual({ name: "slow", arguments: {} });
    second.result({ content: [] });
    expect(await (await again).json()).toMatchObject({ id: 2, result: { resultType: "complete" } });
  });

  test("a surface reports its capabilities, its revision and how long these may be cached", async () => {
    const harness = createHarness();
    harness.gateway.description = {
      capabilities: { tools: { listChanged: true }, tasks: {} },
      instructions: "Be kind",
    };
    const response = await ask(harness, "server/discover", {}, { path: "/servers/files/mcp" });
    expect(typeOf(response)).toBe(json);
    expect((await response.json() as JsonObject).result).toMatchObject({
      resultType: "complete",
      supportedVersions: ["2026-07-28"],
      capabilities: { tools: { listChanged: true } },
      instructions: "Be kind",
      ttlMs: 0,
      cacheScope: "private",
    });
    const streamed = await ask(harness, "server/discover", {}, { headers: { accept: stream } });
    expect(typeOf(streamed)).toBe(stream);
  });
});

describe("the caller of a stateless call", () => {
  test("has the same principal on every connection, and its own capabilities each time", async () => {
    const harness = createHarness();
    const calls = [];
    for (const clientCapabilities of [{}, { sampling: {} }]) {
      const answer = askSlow(harness, { path: "/servers/files/mcp", meta: { clientCapabilities } });
      const call = await harness.gateway.nextCall();
      calls.push(call);
      call.result({});
      await answer;
    }
    expect(calls.map(({ surface, call }) => [surface, call.caller])).toEqual(
      [{}, { sampling: {} }].map((capabilities) => ["/servers/files", {
        principal: { id: "anonymous" },
        consumer: "local",
        scope: "p:anonymous",
        revision: "2026-07-28",
        capabilities,
        clientInfo: { name: "test", version: "1" },
        logLevel: undefined,
        asksByResult: true,
        sharesScope: true,
      }]),
    );
    expect(harness.gateway.ended).toEqual([]);
  });

  test("ids may meet: each request is answered on its own connection", async () => {
    const harness = createHarness();
    const answers = [askSlow(harness), askSlow(harness)];
    const calls = [await harness.gateway.nextCall(), await harness.gateway.nextCall()];
    calls[1]?.result({ of: "second" });
    calls[0]?.result({ of: "first" });
    const results = await Promise.all(answers.map(async (answer) => await (await answer).json()));
    expect(results).toMatchObject([
      { id: 1, result: { of: "first" } },
      { id: 1, result: { of: "second" } },
    ]);
  });
});

describe("B13 a client that leaves", () => {
  test("before its answer has cancelled, once, and nothing is kept of its call", async () => {
    const harness = createHarness({ limits: { statelessCallsMax: 1 } });
    const leaving = new AbortController();
    const answer = askSlow(harness, { signal: leaving.signal, progressToken: 1 });
    const call = await harness.gateway.nextCall();
    let cancels = 0;
    const { notice } = call;
    Object.defineProperty(call, "cancelled", {
      set: () => void (cancels += 1),
      get: () => undefined,
    });
    leaving.abort();
    await answer;
    notice(...progress(1));
    call.result({});
    expect(cancels).toBe(1);
    expect((await ask(harness, "tools/call", { name: "echo" })).status).toBe(200);
  });

  test("during its stream has cancelled, once, and is sent nothing more", async () => {
    const harness = createHarness({ limits: { statelessCallsMax: 1 } });
    const leaving = new AbortController();
    const answer = askSlow(harness, { signal: leaving.signal, progressToken: 1 });
    const call = await harness.gateway.nextCall();
    call.notice(...progress(1));
    const frames = framesOf(await answer);
    await frames.next();
    await frames.cancel();
    expect(await until("the cancel", () => call.cancelled)).toBe("the client went away");
    leaving.abort();
    call.notice(...progress(2));
    call.result({});
    expect(await frames.next()).toBe(undefined);
    expect((await ask(harness, "tools/call", { name: "echo" })).status).toBe(200);
  });

  test("after its answer has cancelled nothing", async () => {
    const harness = createHarness();
    const leaving = new AbortController();
    const answer = askSlow(harness, { signal: leaving.signal });
    const call = await harness.gateway.nextCall();
    call.result({});
    const response = await answer;
    leaving.abort();
    expect(response.status).toBe(200);
    expect(call.cancelled).toBe(undefined);
  });

  test("before its call was sent: the call is not sent", async () => {
    const harness = createHarness();
    const described = Promise.withResolvers<void>();
    const isAsked = Promise.withResolvers<void>();
    Object.defineProperty(harness.gateway, "describing", {
      get() {
        isAsked.resolve();
        return described.promise;
      },
    });
    harness.gateway.instant = ({ method }) => method === "tools/call" ? {} : undefined;
    const leaving = new AbortController();
    const answer = ask(harness, "resources/list", {}, { signal: leaving.signal });
    await isAsked.promise;
    leaving.abort();
    await answer;
    described.resolve();
    // By the time that a later request is answered the earlier one would have been made.
    await ask(harness, "tools/call", { name: "echo" });
    expect(harness.gateway.calls).toEqual([]);
  });
});

describe("bounds of stateless calls", () => {
  test("too many at once are refused, and one that ends makes room", async () => {
    const harness = createHarness({ limits: { statelessCallsMax: 2 } });
    const answers = [askSlow(harness), askSlow(harness)];
    const [first, second] = [await harness.gateway.nextCall(), await harness.gateway.nextCall()];
    const refused = await askSlow(harness, { id: 3 });
    expect(refused.headers.get("retry-after")).toBe("1");
    expect(await errorOf(refused)).toMatchObject({ status: 503, code: -32603, id: 3 });
    first.result({});
    await answers[0];
    expect((await ask(harness, "tools/call", { name: "echo" })).status).toBe(200);
    second.result({});
    await answers[1];
  });

  test("a slow reader loses notices, never the answer", async () => {
    const harness = createHarness({
      limits: { streamBytesMax: 4_000, streamNoticeBytesMax: 2_000 },
    });
    const answer = askSlow(harness, { progressToken: 1, meta: { logLevel: "debug" } });
    const call = await harness.gateway.nextCall();
    call.notice(...progress(1));
    const response = await answer;
    const data = "x".repeat(300);
    for (let at = 0; at < 50; at += 1) {
      call.notice("notifications/message", { level: "info", data });
    }
    call.notice("notifications/message", { level: "info", data: "y".repeat(9_000) });
    call.result({ done: true });
    await harness.passGap();
    const frames = await framesOf(response).rest();
    expect(frames.length).toBeLessThan(20);
    expect(frames.some((frame) => frame.data?.includes("yyy"))).toBe(false);
    expect(JSON.parse(frames.at(-1)?.data ?? "")).toMatchObject({ result: { done: true } });
  });

  test("calls may finish while the gateway stops; what is left at its end fails with the reason", async () => {
    const harness = createHarness();
    const [first, second] = [askSlow(harness), askSlow(harness)];
    const [one, other] = [await harness.gateway.nextCall(), await harness.gateway.nextCall()];
    harness.handler.drain();
    one.result({});
    expect((await first).status).toBe(200);
    await harness.handler.close();
    expect(await errorOf(await second)).toMatchObject({ status: 503, code: -32603, id: 1 });
    expect(other.cancelled).toBe("the gateway is stopping");
  });
});
