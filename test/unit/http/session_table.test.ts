/** Handshake, sessions and their end over Streamable HTTP, and the small endpoints. */
import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../../src/errors.ts";
import { defaultLimits } from "../../../src/limits.ts";
import { sha256Hex } from "../../../src/seal.ts";
import { createMemorySessionStore } from "../../../src/store/memory_sessions.ts";
import {
  createHarness,
  errorOf,
  framesOf,
  initialize,
  jsonHeaders,
  request,
  sessionOf,
  slowCall,
} from "../../support/http_harness.ts";

const revisions = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"];
const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

describe("the handshake", () => {
  test("P7 initialize with 2025-03-26 gives a session id, serverInfo and capabilities", async () => {
    const { send, store } = createHarness();
    const response = await send("POST", "/mcp", {
      headers: { "content-type": "application/json", accept: "*/*" },
      body: initialize("2025-03-26"),
    });
    expect(response.status).toBe(200);
    const id = response.headers.get("mcp-session-id") ?? "";
    expect(id).toMatch(uuid);
    expect(await response.json()).toEqual({
      jsonrpc: "2.0",
      id: 0,
      result: {
        protocolVersion: "2025-03-26",
        capabilities: { tools: {}, logging: {}, resources: { subscribe: true } },
        serverInfo: { name: "mcp-wrapper", version: "1.2.3" },
      },
    });
    expect(await store.find(await sha256Hex(id))).toMatchObject({ revision: "2025-03-26" });
  });

  test("every served revision is echoed, any other is answered by the latest", async () => {
    const { connect } = createHarness();
    for (const revision of revisions) {
      expect((await connect({ revision })).result.protocolVersion).toBe(revision);
    }
    for (const revision of ["1999-01-01", "2026-07-28", ""]) {
      expect((await connect({ revision })).result.protocolVersion).toBe("2025-11-25");
    }
  });

  test("the record is stored before the answer leaves, or there is no answer", async () => {
    const store = createMemorySessionStore();
    const harness = createHarness({
      store: { ...store, create: () => Promise.reject(new Error("disk on fire: /secret/path")) },
    });
    const response = await harness.send("POST", "/mcp", {
      headers: jsonHeaders,
      body: initialize("2025-06-18"),
    });
    expect(response.headers.get("mcp-session-id")).toBe(null);
    const text = await response.text();
    expect([response.status, text.includes("fire")]).toEqual([500, false]);
    expect(harness.records.some(({ fields }) => String(fields.error).includes("fire"))).toBe(true);
    expect(harness.gateway.ended.length).toBe(1);
    expect(harness.gateway.watches.size).toBe(0);
  });

  test("a session whose removal cannot be stored has ended anyway in this process", async () => {
    const store = createMemorySessionStore();
    const { connect, gateway } = createHarness({
      store: {
        ...store,
        async remove(key) {
          await store.remove(key);
          throw new GatewayError("store_unavailable");
        },
      },
    });
    const session = await connect();
    expect((await session.remove()).status).toBe(503);
    for (const again of [session.post(request(1, "ping")), session.remove()]) {
      expect((await again).status).toBe(404);
    }
    expect(gateway.ended.length).toBe(1);
  });

  test("too many sessions are refused with a time to come back", async () => {
    const { connect, send } = createHarness({ limits: { sessionsMax: 2 } });
    const first = await connect();
    await connect();
    const response = await send("POST", "/mcp", {
      headers: jsonHeaders,
      body: initialize("2025-06-18"),
    });
    expect(response.headers.get("retry-after")).toBe("5");
    expect(await errorOf(response)).toMatchObject({
      status: 503,
      data: { reason: "session_limit", retryAfterMs: defaultLimits.freshSessionMs },
    });
    await first.remove();
    expect((await connect()).id).toMatch(uuid);
  });

  test("the error for bad params has the request's id", async () => {
    const { send } = createHarness();
    const body = request("first", "initialize", { protocolVersion: 5 });
    const response = await send("POST", "/mcp", { headers: jsonHeaders, body });
    expect(await errorOf(response)).toMatchObject({ code: -32602, id: "first" });
  });

  test("a client that takes only a stream gets its initialize result there", async () => {
    const { send } = createHarness();
    const response = await send("POST", "/mcp", {
      headers: { ...jsonHeaders, accept: "text/event-stream" },
      body: initialize("2025-06-18"),
    });
    expect(response.headers.get("content-type")).toBe("text/event-stream");
    expect(response.headers.get("mcp-session-id")).toMatch(uuid);
    expect(await framesOf(response).message()).toMatchObject({ id: 0 });
  });
});

describe("session ids", () => {
  test("C1 random and malformed ids are unknown, and issued ones are random UUIDs", async () => {
    const { send, connect } = createHarness();
    const guesses = ["1", "../x", "x".repeat(5_000), "' or 1=1", crypto.randomUUID()];
    for (const id of guesses) {
      const session = sessionOf({ send }, id);
      for (const response of [await session.post(request(1, "ping")), await session.get()]) {
        expect((await errorOf(response)).status).toBe(404);
      }
      expect((await session.remove()).status).toBe(404);
    }
    const ids = await Promise.all(Array.from({ length: 50 }, async () => (await connect()).id));
    expect(new Set(ids).size).toBe(50);
    for (const id of ids) expect(id).toMatch(uuid);
  });

  test("C2 an id that the client brings to initialize is not taken", async () => {
    const { send } = createHarness();
    const chosen = crypto.randomUUID();
    const response = await send("POST", "/mcp", {
      headers: { ...jsonHeaders, "mcp-session-id": chosen },
      body: initialize("2025-06-18"),
    });
    expect(response.status).toBe(200);
    expect(response.headers.get("mcp-session-id")).not.toBe(chosen);
    expect((await sessionOf({ send }, chosen).post(request(1, "ping"))).status).toBe(404);
  });

  test("C3 after DELETE nothing of the session works, also after a restart", async () => {
    const first = createHarness();
    const session = await first.connect();
    expect((await session.remove()).status).toBe(204);
    const { store, clock } = first;
    const second = createHarness({ store, clock });
    for (const harness of [first, second]) {
      const again = sessionOf(harness, session.id);
      expect((await again.post(request(1, "ping"))).status).toBe(404);
      expect((await again.get()).status).toBe(404);
      expect((await again.remove()).status).toBe(404);
    }
    expect(first.gateway.ended.length).toBe(1);
    expect(first.gateway.watches.size).toBe(0);
  });

  test("C3 DELETE settles the calls under way and ends the streams", async () => {
    const { connect, gateway } = createHarness();
    const session = await connect();
    const stream = framesOf(await session.get());
    const answer = session.post(slowCall(1));
    const call = await gateway.nextCall();
    await session.remove();
    expect(await errorOf(await answer)).toMatchObject({
      id: 1,
      code: -32603,
      data: { reason: "cancelled" },
    });
    expect(call.cancelled).toContain("ended the session");
    await stream.rest();
  });

  test("C5 an id of one surface is unknown on every other", async () => {
    const { connect, send } = createHarness();
    const session = await connect({ path: "/servers/files/mcp" });
    expect((await session.post(request(1, "ping"))).status).toBe(200);
    for (const path of ["/mcp", "/servers/other/mcp"]) {
      const there = sessionOf({ send }, session.id, path);
      expect((await there.post(request(1, "ping"))).status).toBe(404);
      expect((await there.get()).status).toBe(404);
      expect((await there.remove()).status).toBe(404);
    }
    // The old name of the same surface is no other surface.
    const old = sessionOf({ send }, session.id, "/servers/files/streamable");
    expect((await old.post(request(1, "ping"))).status).toBe(200);
  });

  test("a request without a session id fails with what to do", async () => {
    const { send } = createHarness();
    const posted = await send("POST", "/mcp", { headers: jsonHeaders, body: request(4, "ping") });
    expect(await errorOf(posted)).toMatchObject({ status: 400, code: -32600, id: 4 });
    const got = await send("GET", "/mcp", { headers: { accept: "text/event-stream" } });
    expect((await errorOf(got)).message).toContain("initialize");
    expect((await send("DELETE", "/mcp")).status).toBe(400);
  });

  test("a version header must name a served revision, whichever was negotiated", async () => {
    const { connect } = createHarness();
    const session = await connect({ revision: "2025-06-18" });
    for (const revision of revisions) {
      const response = await session.post(request(1, "ping"), { "mcp-protocol-version": revision });
      expect(response.status).toBe(200);
    }
    for (const revision of ["1999-01-01", "2099-01-01", "x"]) {
      const response = await session.post(request(1, "ping"), { "mcp-protocol-version": revision });
      expect(await errorOf(response)).toMatchObject({
        status: 400,
        data: { supported: revisions },
      });
      expect((await session.get({ "mcp-protocol-version": revision })).status).toBe(400);
    }
  });
});

describe("the life of a session", () => {
  test("P8 each request counts as activity; an idle session expires and is removed", async () => {
    const { connect, clock, store } = createHarness({ config: { sessionTimeoutMs: 60_000 } });
    const [idle, busy] = [await connect(), await connect()];
    for (let minute = 0; minute < 3; minute += 1) {
      clock.advance(40_000);
      expect((await busy.post(request(1, "ping"))).status).toBe(200);
    }
    expect((await idle.post(request(1, "ping"))).status).toBe(404);
    await until(async () => await store.count() === 1);
    expect((await busy.post(request(1, "ping"))).status).toBe(200);
  });

  test("P8 expiry is seen at look-up before any sweep, also by a gateway that just started", async () => {
    const options = { config: { sessionTimeoutMs: 1_000 }, limits: { expirySweepMs: 1_000_000 } };
    const first = createHarness(options);
    const session = await first.connect();
    const other = await first.connect();
    first.clock.advance(1_500);
    expect((await session.post(request(1, "ping"))).status).toBe(404);
    const second = createHarness({ ...options, store: first.store, clock: first.clock });
    expect((await sessionOf(second, other.id).post(request(1, "ping"))).status).toBe(404);
    expect(await first.store.count()).toBe(0);
  });

  const day = 24 * 3_600_000;
  for (const [which, jumpMs] of [["forward", day], ["back", -day]] as const) {
    test(`G5 a wall clock that jumps a day ${which} ends no session early and keeps none longer`, async () => {
      const sessionTimeoutMs = 120_000;
      const { connect, clock, store } = createHarness({ config: { sessionTimeoutMs } });
      const [idle, busy, late] = [await connect(), await connect(), await connect()];
      clock.advance(50_000);
      clock.jump(jumpMs);
      expect((await late.post(request(1, "ping"))).status).toBe(200);
      for (let step = 0; step < 2; step += 1) {
        clock.advance(30_000);
        await until(() => true);
        expect((await busy.post(request(1, "ping"))).status).toBe(200);
      }
      expect(await store.count()).toBe(3);
      const found = await store.find(await sha256Hex(busy.id));
      expect(Math.abs(clock.wall() - Number(found?.activeAt))).toBeLessThan(1_000);
      clock.advance(30_000);
      expect((await idle.post(request(1, "ping"))).status).toBe(404);
      await until(async () => await store.count() === 2);
      clock.advance(100_000);
      expect((await late.post(request(1, "ping"))).status).toBe(404);
      clock.advance(sessionTimeoutMs);
      await until(async () => await store.count() === 0);
    });
  }

  test("G5 a session outlives a restart after the clock jumped, and one from the future ends", async () => {
    const options = { config: { sessionTimeoutMs: 120_000 } };
    const first = createHarness(options);
    const session = await first.connect();
    first.clock.jump(day);
    first.clock.advance(30_000);
    await until(() => first.records.some(({ message }) => message.includes("clock")));
    const second = createHarness({ ...options, store: first.store, clock: first.clock });
    expect((await sessionOf(second, session.id).post(request(1, "ping"))).status).toBe(200);
    first.clock.jump(-day);
    const third = createHarness({ ...options, store: first.store, clock: first.clock });
    expect((await sessionOf(third, session.id).post(request(1, "ping"))).status).toBe(200);
    first.clock.advance(121_000);
    expect((await sessionOf(third, session.id).post(request(1, "ping"))).status).toBe(404);
  });

  test("P8 an open stream or a call under way keeps a session alive", async () => {
    const { connect, clock, gateway } = createHarness({ config: { sessionTimeoutMs: 60_000 } });
    const [listening, calling] = [await connect(), await connect()];
    const stream = framesOf(await listening.get());
    const answer = calling.post(slowCall(1));
    const call = await gateway.nextCall();
    for (let step = 0; step < 10; step += 1) clock.advance(30_000);
    expect((await listening.post(request(2, "ping"))).status).toBe(200);
    expect((await calling.post(request(2, "ping"))).status).toBe(200);
    call.result({});
    await answer;
    await stream.cancel();
  });

  test("a session goes on with its id after the gateway was killed", async () => {
    const first = createHarness();
    const session = await first.connect({ revision: "2025-06-18", capabilities: { roots: {} } });
    await session.post(request(1, "logging/setLevel", { level: "error" }));
    await session.post(request(2, "resources/subscribe", { uri: "file:///a" }));
    const second = createHarness({ store: first.store, clock: first.clock });
    const again = sessionOf(second, session.id);
    const answer = again.post(slowCall(3));
    const { call } = await second.gateway.nextCall();
    expect(call.caller).toMatchObject({
      revision: "2025-06-18",
      capabilities: { roots: {} },
      clientInfo: { name: "test" },
      logLevel: "error",
    });
    const watch = second.gateway.watches.get(call.caller.scope);
    expect(watch?.subscriptions()).toEqual(["file:///a"]);
    second.gateway.calls[0]?.result({});
    expect((await answer).status).toBe(200);
  });

  test("the record of a session names the instance that loaded it last", async () => {
    const first = createHarness({ instance: "one" });
    const session = await first.connect();
    const key = await sha256Hex(session.id);
    expect((await first.store.find(key))?.owner).toBe("one");
    const second = createHarness({ store: first.store, clock: first.clock, instance: "other" });
    const again = sessionOf(second, session.id);
    expect((await again.post(request(1, "ping"))).status).toBe(200);
    expect((await first.store.find(key))?.owner).toBe("other");
  });

  test("a session that ends at one instance ends at every instance that holds a part of it", async () => {
    const first = createHarness();
    const session = await first.connect();
    const { store, clock, bus } = first;
    const second = createHarness({ store, clock, bus, instance: "other" });
    const stream = framesOf(await sessionOf(second, session.id).get());
    const answer = sessionOf(second, session.id).post(slowCall(1));
    await second.gateway.nextCall();
    expect((await session.remove()).status).toBe(204);
    expect(await errorOf(await answer)).toMatchObject({ id: 1 });
    await stream.rest();
    const key = await sha256Hex(session.id);
    expect([first.gateway.ended, second.gateway.ended]).toEqual([[key], [key]]);
    expect((await sessionOf(second, session.id).post(request(2, "ping"))).status).toBe(404);
  });

  test("a gateway that stops ends no scope of a session that goes on after its restart", async () => {
    const { connect, handler, gateway } = createHarness();
    const [kept, removed] = [await connect(), await connect()];
    expect((await removed.remove()).status).toBe(204);
    const ended = [await sha256Hex(removed.id)];
    expect((await kept.post(request(1, "ping"))).status).toBe(200);
    await handler.close();
    expect(gateway.ended).toEqual(ended);
  });

  test("event ids begin with the name of the instance", async () => {
    const { connect } = createHarness({ instance: "one" });
    const stream = framesOf(await (await connect()).get());
    expect((await stream.next())?.id).toMatch(/^one-/);
    await stream.cancel();
  });

  test("two first requests after a restart share one session", async () => {
    const first = createHarness();
    const session = await first.connect();
    const second = createHarness({ store: first.store, clock: first.clock });
    const again = sessionOf(second, session.id);
    const answers = [again.post(slowCall(1)), again.post(slowCall(1))];
    const call = await second.gateway.nextCall();
    // The one that came second finds the id of the first under way.
    expect((await Promise.race(answers)).status).toBe(400);
    call.result({});
    const statuses = await Promise.all(answers.map(async (answer) => (await answer).status));
    expect(statuses.sort()).toEqual([200, 400]);
    expect(second.gateway.watches.size).toBe(1);
  });

  test("a server's own method may be called like a member of every object", async () => {
    const { connect, gateway } = createHarness();
    gateway.surface = (name) => ({ name, takesForeign: true });
    const session = await connect();
    for (const method of ["toString", "constructor", "hasOwnProperty", "__proto__"]) {
      const response = await session.post(request(1, method, { a: 1 }));
      const result = { echo: { a: 1 }, method };
      expect(await response.json()).toEqual({ jsonrpc: "2.0", id: 1, result });
    }
  });

  test("ping, setLevel, subscribe and unsubscribe answer exactly {}", async () => {
    const { connect, gateway, store } = createHarness();
    const session = await connect();
    const calls = [
      ["ping", {}],
      ["logging/setLevel", { level: "warning" }],
      ["resources/subscribe", { uri: "file:///a" }],
      ["resources/subscribe", { uri: "file:///b" }],
      ["resources/unsubscribe", { uri: "file:///a" }],
    ] as const;
    for (const [method, params] of calls) {
      const response = await session.post(request(1, method, params));
      expect(await response.json()).toEqual({ jsonrpc: "2.0", id: 1, result: {} });
    }
    expect(await store.find(await sha256Hex(session.id))).toMatchObject({
      logLevel: "warning",
      subscriptions: ["file:///b"],
    });
    const bad = await session.post(request(1, "logging/setLevel", { level: "loud" }));
    expect(await errorOf(bad)).toMatchObject({ code: -32602 });
    gateway.instant = () => undefined;
    const refused = session.post(request(1, "resources/subscribe", { uri: "file:///c" }));
    (await gateway.nextCall()).fail(new GatewayError("resource_not_found"));
    expect(await errorOf(await refused)).toMatchObject({ status: 200, code: -32002 });
    const record = await store.find(await sha256Hex(session.id));
    expect(record?.subscriptions).toEqual(["file:///b"]);
  });

  test("calls beyond the bound are refused as overload", async () => {
    const { connect, gateway } = createHarness({ limits: { sessionCallsMax: 2 } });
    const session = await connect();
    const answers = [session.post(slowCall(1)), session.post(slowCall(2))];
    const calls = [await gateway.nextCall(), await gateway.nextCall()];
    expect(await errorOf(await session.post(slowCall(3)))).toMatchObject({
      status: 503,
      id: 3,
      data: { reason: "overloaded" },
    });
    for (const call of calls) call.result({});
    for (const answer of answers) expect((await answer).status).toBe(200);
    expect((await session.post(request(3, "ping"))).status).toBe(200);
  });

  test("subscriptions beyond the limit are refused, and an ended one makes room", async () => {
    const { connect } = createHarness({ limits: { sessionSubscriptionsMax: 1 } });
    const session = await connect();
    const subscribe = (uri: string) => session.post(request(1, "resources/subscribe", { uri }));
    expect((await subscribe("file:///a")).status).toBe(200);
    expect(await errorOf(await subscribe("file:///b"))).toMatchObject({
      status: 503,
      data: { reason: "overloaded" },
    });
    await session.post(request(2, "resources/unsubscribe", { uri: "file:///a" }));
    expect((await subscribe("file:///b")).status).toBe(200);
  });

  test("an expired or foreign session is refused without being loaded", async () => {
    const first = createHarness({ config: { sessionTimeoutMs: 1_000 } });
    const [expired, foreign] = [await first.connect(), await first.connect()];
    const second = createHarness({ store: first.store, clock: first.clock });
    const there = sessionOf(second, foreign.id, "/servers/files/mcp");
    expect((await there.post(request(1, "ping"))).status).toBe(404);
    first.clock.advance(4_000_000);
    expect((await sessionOf(second, expired.id).post(request(1, "ping"))).status).toBe(404);
    expect(second.gateway.watches.size).toBe(0);
  });

  test("notifications are taken with 202; changed roots reach the gateway", async () => {
    const { connect, gateway } = createHarness();
    const session = await connect();
    const methods = [
      "notifications/initialized",
      "notifications/roots/list_changed",
      "notifications/never/heard/of",
    ];
    for (const method of methods) {
      const response = await session.post({ jsonrpc: "2.0", method });
      expect([response.status, await response.text()]).toEqual([202, ""]);
    }
    expect(gateway.notified.map(({ method }) => method)).toEqual([
      "notifications/roots/list_changed",
    ]);
  });
});

describe("outside of the protocol", () => {
  test("/ready is 200 only while new work is taken", async () => {
    const { send, handler, connect, gateway } = createHarness();
    expect((await send("GET", "/ready")).status).toBe(200);
    const session = await connect();
    const answer = session.post(slowCall(1));
    const call = await gateway.nextCall();
    handler.drain();
    expect((await send("GET", "/ready")).status).toBe(503);
    for (const response of [await session.post(request(2, "ping")), await session.get()]) {
      expect(await errorOf(response)).toMatchObject({ status: 503, data: { reason: "draining" } });
    }
    // Running work still gets its client's answer and ends well.
    const quiet = await session.post({ jsonrpc: "2.0", method: "notifications/initialized" });
    expect(quiet.status).toBe(202);
    call.result({ content: [] });
    expect((await answer).status).toBe(200);
  });

  test("P11 /servers/x/streamable works and names its replacement", async () => {
    const { connect, send } = createHarness();
    const path = "/servers/files/streamable";
    const session = await connect({ path });
    const response = await session.post(request(1, "ping"));
    expect(response.status).toBe(200);
    expect(response.headers.get("deprecation")).toBe("true");
    expect(response.headers.get("link")).toBe(
      '</servers/files/mcp>; rel="successor-version"',
    );
    const current = await send("GET", "/servers/files/mcp");
    expect(current.headers.get("deprecation")).toBe(null);
  });

  test("an unforeseen fault is 500 without details", async () => {
    const { connect, gateway, records } = createHarness();
    const session = await connect();
    gateway.call = () => {
      throw new Error("secret stack /etc/passwd");
    };
    const response = await session.post(request(1, "tools/list"));
    const text = await response.text();
    expect([response.status, text.includes("secret")]).toEqual([500, false]);
    expect(records.some(({ fields }) => String(fields.error).includes("secret"))).toBe(true);
    expect((await session.post(request(1, "ping"))).status).toBe(200);
  });
});

/** Lets promises settle until a condition holds. */
async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  for (let turn = 0; turn < 1_000 && !await condition(); turn += 1) {
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  expect(await condition()).toBe(true);
}
