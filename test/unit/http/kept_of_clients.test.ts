/**
 * The data that the gateway keeps for a client is limited, and an idle session can leave memory.
 */
import { describe, expect, test } from "bun:test";
import type { JsonObject } from "../../../src/model.ts";
import { sha256Hex } from "../../../src/seal.ts";
import { defaultLimits } from "../../../src/limits.ts";
import {
  createHarness,
  errorOf,
  framesOf,
  initialize,
  jsonHeaders,
  request,
  sessionOf,
} from "../../support/http_harness.ts";
import { ask } from "../../support/stateless_client.ts";

const { nameCharsMax, uriCharsMax, subscriptionUriCharsMax } = defaultLimits;
const bytesMax = 8_192;
/** An object whose JSON has so many bytes. */
const ofSize = (bytes: number, character = "x"): JsonObject => {
  const bare = JSON.stringify({ named: { of: "" } }).length;
  const width = new TextEncoder().encode(character).byteLength;
  return { named: { of: character.repeat((bytes - bare) / width) } };
};

describe("a client's description of itself", () => {
  for (const member of ["clientInfo", "capabilities"]) {
    test(`${member} of initialize: up to the bound it is taken, beyond it is named`, async () => {
      const { send, store } = createHarness();
      const open = (value: JsonObject) => {
        const { params, ...message } = initialize("2025-11-25") as { params: JsonObject };
        const body = { ...message, params: { ...params, [member]: value } };
        return send("POST", "/mcp", { headers: jsonHeaders, body });
      };
      for (const character of ["x", "é"]) {
        expect((await open(ofSize(bytesMax - 1, character))).status).toBe(200);
        const { code, message } = await errorOf(await open(ofSize(bytesMax + 1, character)));
        expect([code, message]).toEqual([
          -32602,
          `Cannot take initialize: params.${member} is ${bytesMax + 1} bytes of JSON; ` +
          `at most ${bytesMax} are taken`,
        ]);
      }
      expect((await errorOf(await open(ofSize(3_500_000)))).code).toBe(-32602);
      expect(await store.count()).toBe(2);
    });
  }

  /** Parts that stand for nothing, and are left out where they fit. */
  const idle: Readonly<Record<string, JsonObject>> = {
    "a vendor's text": { experimental: { vendor: "x".repeat(100_000) } },
    "a text": { vendor: "x".repeat(100_000) },
    "members that are null": Object.fromEntries(
      Array.from({ length: 2_000 }, (_, at) => [`vendor${at}`, null]),
    ),
  };
  for (const [kind, capabilities] of Object.entries(idle)) {
    test(`capabilities that declare nothing, by ${kind}, are bounded alike`, async () => {
      const harness = createHarness();
      const { params, ...message } = initialize("2025-11-25") as { params: JsonObject };
      const body = { ...message, params: { ...params, capabilities } };
      const opened = await harness.send("POST", "/mcp", { headers: jsonHeaders, body });
      expect((await errorOf(opened)).code).toBe(-32602);
      const meta = { clientCapabilities: capabilities };
      const answer = await ask(harness, "tools/call", { name: "echo" }, { meta });
      expect((await errorOf(answer)).code).toBe(-32602);
      expect([await harness.store.count(), harness.gateway.calls]).toEqual([0, []]);
    });
  }

  for (const member of ["clientInfo", "clientCapabilities"]) {
    test(`${member} of a stateless request: beyond the bound it is named`, async () => {
      const harness = createHarness();
      const params = { name: "echo" };
      const answer = (bytes: number) =>
        ask(harness, "tools/call", params, { meta: { [member]: ofSize(bytes) } });
      expect((await answer(bytesMax)).status).toBe(200);
      const { code, message } = await errorOf(await answer(100_000));
      expect(code).toBe(-32602);
      expect(message).toContain(`${member}"] is 100000 bytes of JSON; at most ${bytesMax}`);
      expect(harness.gateway.calls).toEqual([]);
    });
  }
});

describe("what a client names", () => {
  const long = (chars: number) => "n".repeat(chars);
  const cases: readonly (readonly [string, string, number, (text: string) => JsonObject])[] = [
    ["tools/call", "name", nameCharsMax, (name) => ({ name })],
    ["prompts/get", "name", nameCharsMax, (name) => ({ name })],
    ["tasks/get", "taskId", nameCharsMax, (taskId) => ({ taskId })],
    ["resources/read", "uri", uriCharsMax, (uri) => ({ uri })],
    ["resources/subscribe", "uri", subscriptionUriCharsMax, (uri) => ({ uri })],
    ["completion/complete", "ref.name", nameCharsMax, (name) => ({
      ref: { type: "ref/prompt", name },
      argument: { name: "a", value: "b" },
    })],
    ["tools/call", "_meta.progressToken", 256, (progressToken) => ({
      name: "echo",
      _meta: { progressToken },
    })],
  ];
  for (const [method, path, max, params] of cases) {
    test(`${method} params.${path} of ${max} characters is taken, a longer one is not`, async () => {
      const { connect, gateway } = createHarness();
      const session = await connect();
      expect((await session.post(request(1, method, params(long(max))))).status).toBe(200);
      const { code, message } = await errorOf(
        await session.post(request(2, method, params(long(max + 1)))),
      );
      expect(code).toBe(-32602);
      expect(message).toBe(
        `Cannot take ${method}: params.${path} is ${max + 1} characters long; ` +
          `at most ${max} are taken`,
      );
      expect(gateway.calls).toEqual([]);
    });
  }

  test("a stateless stream's subscriptions have bounded URIs, too", async () => {
    const harness = createHarness();
    const answer = await ask(harness, "subscriptions/listen", {
      notifications: { resourceSubscriptions: ["file:///a", long(5_000)] },
    });
    const { code, message } = await errorOf(answer);
    expect(code).toBe(-32602);
    expect(message).toContain("resourceSubscriptions.1 is 5000 characters long; at most 2048");
  });

  test("the URIs of one session's subscriptions share a bound; the same one again costs nothing", async () => {
    const { connect } = createHarness({ limits: { sessionSubscriptionCharsMax: 100 } });
    const session = await connect();
    const subscribe = (uri: string) => session.post(request(1, "resources/subscribe", { uri }));
    expect((await subscribe(long(60))).status).toBe(200);
    expect((await subscribe(long(60))).status).toBe(200);
    expect(await errorOf(await subscribe(long(41)))).toMatchObject({
      data: { reason: "overloaded" },
    });
    expect((await subscribe(long(40))).status).toBe(200);
  });

  test("the reason of a cancellation goes on as one short line", async () => {
    const { connect, gateway } = createHarness();
    const session = await connect();
    void session.post(request(1, "tools/call", { name: "slow" }));
    const call = await gateway.nextCall();
    const reason = `because\n${"y".repeat(100_000)}`;
    await session.post({
      jsonrpc: "2.0",
      method: "notifications/cancelled",
      params: { requestId: 1, reason },
    });
    expect(call.cancelled).toMatch(/^because y+…$/);
    expect(call.cancelled?.length).toBeLessThanOrEqual(defaultLimits.logReasonCharsMax);
  });
});

describe("idle sessions", () => {
  const limits = { idleSessionsInMemoryMax: 2 };

  test("leave memory if there are too many, and continue where they were", async () => {
    const { connect, clock, gateway, handler } = createHarness({ limits });
    const first = await connect();
    await first.post(request(1, "logging/setLevel", { level: "error" }));
    clock.advance(2_000);
    for (let count = 0; count < 4; count++) await connect();
    expect(gateway.watching.size).toBeLessThan(5);
    expect(gateway.ended).toEqual([]);
    const answer = first.post(request(2, "tools/call", { name: "slow" }));
    const { call, result } = await gateway.nextCall();
    result({});
    expect((await answer).status).toBe(200);
    expect(call.caller.logLevel).toBe("error");
    expect(call.caller.clientInfo).toEqual({ name: "test", version: "1" });
    expect(handler.sendTo(await sha256Hex(first.id), { kind: "notice", method: "x", params: {} }))
      .toBe(false);
    expect((await first.remove()).status).toBe(204);
    expect(gateway.ended).toEqual([await sha256Hex(first.id)]);
    expect((await first.post(request(3, "ping"))).status).toBe(404);
  });

  test("stay while they have a call, a stream or a subscription", async () => {
    const { connect, clock, gateway } = createHarness({ limits });
    const calling = await connect();
    const answer = calling.post(request(1, "tools/call", { name: "slow" }));
    const listening = await connect();
    const stream = framesOf(await listening.get());
    const subscribed = await connect();
    await subscribed.post(request(1, "resources/subscribe", { uri: "file:///a" }));
    clock.advance(2_000);
    for (let count = 0; count < 5; count++) await connect();
    const watched = new Set([...gateway.watching].map(({ caller }) => caller.scope));
    for (const { id } of [calling, listening, subscribed]) {
      expect(watched.has(await sha256Hex(id))).toBe(true);
    }
    await stream.cancel();
    (await gateway.nextCall()).result({});
    expect((await answer).status).toBe(200);
  });

  test("get one notice that the lists may have changed when they listen again", async () => {
    const { connect, clock } = createHarness({ limits });
    const first = await connect();
    clock.advance(2_000);
    for (let count = 0; count < 4; count++) await connect();
    const frames = framesOf(await first.get());
    const methods = [];
    expect(await frames.message()).toMatchObject({ type: "connection_established" });
    for (let count = 0; count < 3; count++) methods.push((await frames.message())["method"]);
    expect(methods.sort()).toEqual([
      "notifications/prompts/list_changed",
      "notifications/resources/list_changed",
      "notifications/tools/list_changed",
    ]);
    await frames.cancel();
  });

  test("expire, and their scopes end at the servers", async () => {
    const { connect, clock, gateway, store, send } = createHarness({ limits });
    const first = await connect();
    clock.advance(2_000);
    for (let count = 0; count < 4; count++) await connect();
    clock.advance(3_600_000 + defaultLimits.expirySweepMs);
    await new Promise((resolve) => setTimeout(resolve, 0));
    expect(await store.count()).toBe(0);
    expect(gateway.ended).toContain(await sha256Hex(first.id));
    expect(gateway.ended.length).toBe(5);
    expect((await sessionOf({ send }, first.id).post(request(1, "ping"))).status).toBe(404);
  });

  test("count toward the bound on sessions wherever they are", async () => {
    const { connect, clock, send } = createHarness({ limits: { ...limits, sessionsMax: 5 } });
    for (let count = 0; count < 5; count++) {
      const session = await connect();
      await session.post(request(1, "ping"));
      clock.advance(2_000);
    }
    const body = initialize("2025-11-25");
    expect((await send("POST", "/mcp", { headers: jsonHeaders, body })).status).toBe(503);
  });
});
