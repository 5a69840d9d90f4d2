/**
 * What the operator's page sees of a running gateway: clients, calls, the log and servers, as lists
 * and as the live stream; how far that goes, and when it ends.
 */
import { afterEach, describe, expect, test } from "bun:test";
import { defaultLimits, type Limits } from "../../src/limits.ts";
import { type FrameReader, initialize, jsonHeaders } from "../support/http_harness.ts";
import { openPageGateway, type PageGateway } from "../support/page_gateway.ts";
import { until } from "../support/wait.ts";

type Json = Record<string, unknown>;

const canary = "canary-9f2c71be04";
const opened: PageGateway[] = [];
afterEach(async () => {
  for (const page of opened.splice(0)) await page.close();
});

async function open(limits: Partial<Limits> = {}): Promise<PageGateway> {
  const page = await openPageGateway(limits, [canary]);
  opened.push(page);
  return page;
}

const say = (page: PageGateway, args: Json) => page.client.call("say", args as never);
const callsOf = async (page: PageGateway): Promise<Json[]> =>
  (await page.json("GET", "/admin/calls", { token: page.tokens.operator })).body.calls;

/** The next message of a type; those before it are passed over. */
async function next(frames: FrameReader, type: string): Promise<Json> {
  for (;;) {
    const message = await frames.message();
    if (message["type"] === type) return message;
  }
}

/** All frames that come until the stream is silent for the moment. */
async function frameTypes(frames: FrameReader, last: string): Promise<string[]> {
  const types: string[] = [];
  for (;;) {
    const { type } = await frames.message() as { readonly type: string };
    types.push(type);
    if (type === last) return types;
  }
}

/** Opens a session of a client in front; returns the headers that continue it. */
async function connect(page: PageGateway): Promise<Record<string, string>> {
  const response = await post(page, {}, initialize("2025-11-25"));
  await response.text();
  return { "mcp-session-id": response.headers.get("mcp-session-id") ?? "" };
}

const post = (page: PageGateway, headers: Record<string, string>, message: object) =>
  page.gateway.fetch(
    new Request("http://localhost:8999/mcp", {
      method: "POST",
      headers: { host: "localhost:8999", ...jsonHeaders, ...headers },
      body: JSON.stringify(message),
    }),
  );

describe("calls", () => {
  test("are listed with client, item, server, time and outcome, the oldest first", async () => {
    const page = await open();
    await say(page, { text: "hello" });
    page.clock.advance(60_000);
    await page.client.call("whisper", {});
    const [first, second] = await callsOf(page);
    expect(first).toMatchObject({
      surface: "/mcp",
      server: "echo",
      method: "tools/call",
      item: "say",
      client: "test 1",
      principal: "anonymous",
      outcome: "ok",
    });
    expect(first?.["ms"]).toBe(0);
    expect(first).not.toHaveProperty("arguments");
    expect(Date.parse(String(second?.["at"])) - Date.parse(String(first?.["at"]))).toBe(60_000);
    expect(second?.["outcome"]).not.toBe("ok");
  });

  test("come on the stream with the size of their results", async () => {
    const page = await open();
    const frames = await page.follow(await page.logIn());
    await say(page, { text: "x".repeat(100) });
    page.clock.advance(defaultLimits.liveGatherMs);
    const { call } = await next(frames, "call") as { readonly call: Json };
    expect(call).toMatchObject({ item: "say", server: "echo", outcome: "ok" });
    const result = { content: [{ type: "text", text: "x".repeat(100) }] };
    expect(call["chars"]).toBe(JSON.stringify(result).length);
    await frames.cancel();
  });

  test("show arguments only while the operator wants to see them", async () => {
    const page = await open();
    const token = await page.logIn();
    const list = async () => (await page.json("GET", "/admin/calls", { token })).body;
    expect((await list()).showsArguments).toBe(false);
    await say(page, { text: "before" });
    const shown = { token, body: { shown: true } };
    const switched = await page.json("PUT", "/admin/calls/arguments", shown);
    expect(switched.body).toEqual({ showsArguments: true });
    await say(page, { text: `with ${canary}`, password: "hunter22", long: "y".repeat(9_000) });
    const { calls, showsArguments } = await list();
    expect(showsArguments).toBe(true);
    expect(calls[0]).not.toHaveProperty("arguments");
    expect(calls[1].arguments).toMatchObject({ text: "with [redacted]", password: "[redacted]" });
    expect(JSON.stringify(calls[1].arguments).length)
      .toBeLessThan(2 * defaultLimits.shownArgumentsCharsMax);
    await page.json("PUT", "/admin/calls/arguments", { token, body: { shown: false } });
    expect(JSON.stringify(await list())).not.toContain("with [redacted]");
    const { records } = (await page.json("GET", "/admin/log", { token })).body;
    const said = records.map(({ message }: Json) => message).join("\n");
    expect(said).toContain("The operator sees the arguments of calls from now on");
    expect(said).toContain("The operator sees the arguments of calls no longer");
  });

  test("are kept in a bounded number", async () => {
    const page = await open({ recentCallsMax: 3 });
    for (const text of ["a", "b", "c", "d", "e"]) await say(page, { text });
    expect((await callsOf(page)).map(({ call }) => call)).toEqual([3, 4, 5]);
  });

  test("of a burst come as the latest ones", async () => {
    const page = await open({ liveRowsMax: 5 });
    const frames = await page.follow(await page.logIn());
    for (let index = 0; index < 20; index += 1) await say(page, { text: "x" });
    page.clock.advance(defaultLimits.liveListsMs);
    const types = await frameTypes(frames, "servers");
    expect(types.filter((type) => type === "call").length).toBe(5);
    expect((await callsOf(page)).length).toBe(20);
    await frames.cancel();
  });
});

describe("clients", () => {
  test("with and without a session are listed, and no id of a session is", async () => {
    const page = await open();
    const session = await connect(page);
    page.clock.advance(5_000);
    await say(page, { text: "x" });
    const get = new Request("http://localhost:8999/mcp", {
      headers: { host: "localhost:8999", accept: "text/event-stream", ...session },
    });
    const stream = await page.gateway.fetch(get);
    const sse = new Request("http://localhost:8999/servers/echo/sse", {
      headers: { host: "localhost:8999", accept: "text/event-stream" },
    });
    const old = await page.gateway.fetch(sse);
    const { body, text } = await page.json("GET", "/admin/sessions", {
      token: await page.logIn(),
    });
    expect(body.sessions).toHaveLength(2);
    const [one, other] = body.sessions.toSorted((a: Json, b: Json) =>
      String(a["transport"]).localeCompare(String(b["transport"]))
    );
    expect(one).toMatchObject({
      surface: "/mcp",
      client: { name: "test", version: "1" },
      revision: "2026-07-28",
      principal: "anonymous",
      transport: "stateless",
      streams: 0,
    });
    expect(other).toMatchObject({
      client: { name: "test", version: "1" },
      revision: "2025-11-25",
      transport: "streamable",
      streams: 1,
    });
    expect(Date.parse(one.createdAt) - Date.parse(other.createdAt)).toBe(5_000);
    expect(one.id).toMatch(/^[0-9a-f]{12}$/);
    expect(text).not.toContain(session["mcp-session-id"] ?? "none");
    await stream.body?.cancel();
    await old.body?.cancel();
    // A client without a session is gone some time after its last request.
    page.clock.advance(defaultLimits.shownStatelessMs + 1);
    const later = await page.json("GET", "/admin/sessions", { token: await page.logIn() });
    expect(later.body.sessions.map(({ transport }: Json) => transport)).toEqual(["streamable"]);
  });

  test("come on the stream when one connects and when one leaves", async () => {
    const page = await open();
    const frames = await page.follow(await page.logIn());
    const session = await connect(page);
    page.clock.advance(defaultLimits.liveListsMs);
    expect((await next(frames, "sessions"))["sessions"]).toHaveLength(1);
    const leaving = new Request("http://localhost:8999/mcp", {
      method: "DELETE",
      headers: { host: "localhost:8999", ...session },
    });
    await (await page.gateway.fetch(leaving)).text();
    page.clock.advance(defaultLimits.liveListsMs);
    expect((await next(frames, "sessions"))["sessions"]).toEqual([]);
    await frames.cancel();
  });
});

describe("the log", () => {
  test("is listed and followed, without secrets", async () => {
    const page = await open();
    const { log } = page.gateway;
    log.source("upstream.echo").warn(`It said ${canary}`, { authorization: "Bearer 1", more: 1 });
    const token = await page.logIn();
    const { records } = (await page.json("GET", "/admin/log", { token })).body;
    expect(records.at(-2)).toMatchObject({
      level: "WARN",
      source: "upstream.echo",
      message: "It said [redacted]",
      authorization: "[redacted]",
      more: 1,
    });
    const frames = await page.follow(token);
    log.info(`Line 1\nLine 2 ${canary}`);
    page.clock.advance(defaultLimits.liveGatherMs);
    const { record } = await next(frames, "log") as { readonly record: Json };
    expect(record).toMatchObject({ level: "INFO", message: "Line 1\nLine 2 [redacted]" });
    await frames.cancel();
  });

  test("is kept in a bounded number of records and characters", async () => {
    const page = await open({ recentRecordsMax: 3, recentRecordsCharsMax: 2_000 });
    const token = await page.logIn();
    const messages = async () =>
      (await page.json("GET", "/admin/log", { token })).body.records
        .map(({ message }: Json) => message);
    for (const text of ["a", "b", "c", "d"]) page.gateway.log.info(text);
    expect(await messages()).toEqual(["b", "c", "d"]);
    page.gateway.log.info("e".repeat(1_900));
    expect(await messages()).toEqual(["e".repeat(1_900)]);
  });
});

describe("servers", () => {
  test("come on the stream when one is added, disabled or removed, once a second at most", async () => {
    const page = await open();
    const { owner: token } = page.tokens;
    const frames = await page.follow(await page.logIn());
    const names = async () =>
      ((await next(frames, "servers"))["servers"] as Json[])
        .map(({ name, state }) => `${name} ${state}`);
    await page.json("PUT", "/admin/servers/second", { token, body: { echo: true } });
    page.clock.advance(defaultLimits.liveGatherMs);
    expect(await names()).toEqual(["echo running", "second running"]);
    await page.json("POST", "/admin/servers/second/disable", { token, body: {} });
    await page.json("POST", "/admin/servers/second/enable", { token, body: {} });
    await page.json("DELETE", "/admin/servers/second", { token });
    page.clock.advance(defaultLimits.liveListsMs);
    expect(await names()).toEqual(["echo running"]);
    await frames.cancel();
  });

  test("have the medians of the last minutes", async () => {
    const page = await open();
    const { operator: token } = page.tokens;
    const latencies = async () =>
      (await page.json("GET", "/admin/servers", { token })).body.servers[0].latencies;
    expect(await latencies()).toEqual([]);
    await say(page, { text: "x" });
    page.clock.advance(120_000);
    const medians = await latencies();
    expect(medians).toHaveLength(defaultLimits.latencyMinutesMax);
    expect(medians.slice(-3)).toEqual([0, null, null]);
  });
});

test("how clients connect is listed by the program", async () => {
  const page = await open();
  const { body } = await page.json("GET", "/admin/connect", { token: await page.logIn() });
  expect(body.clients[0].title).toBe("Any client");
});

describe("the stream", () => {
  test("beats, so that both sides notice when the other has left", async () => {
    const page = await open();
    const frames = await page.follow(await page.logIn());
    expect((await frames.next())?.comment).toBe("open");
    page.clock.advance(defaultLimits.heartbeatBareMs);
    expect((await frames.next())?.comment).toContain("heartbeat");
    await frames.cancel();
  });

  test("ends with the log-in of its page, and no other stream with it", async () => {
    const page = await open();
    const [own, other] = [await page.logIn(), await page.logIn()];
    const [frames, others] = [await page.follow(own), await page.follow(other)];
    await (await page.send("DELETE", "/admin/page/token", { token: own })).text();
    await frames.rest();
    expect((await page.send("GET", "/admin/events", { token: own })).status).toBe(401);
    page.gateway.log.info("Still here");
    page.clock.advance(defaultLimits.liveGatherMs);
    let record: Json = {};
    while (record["message"] !== "Still here") {
      record = (await next(others, "log"))["record"] as Json;
    }
    page.clock.advance(defaultLimits.pageLoginMs);
    await others.rest();
  });

  test("an MCP stream of a page ends with its log-in, too", async () => {
    const page = await open();
    const token = await page.logIn();
    const opened = await page.send("POST", "/admin/mcp", {
      token,
      headers: jsonHeaders,
      body: initialize("2025-11-25"),
    });
    await opened.text();
    const session = { "mcp-session-id": opened.headers.get("mcp-session-id") ?? "" };
    const headers = { ...session, accept: "text/event-stream" };
    const stream = await page.send("GET", "/admin/mcp", { token, headers });
    expect(stream.status).toBe(200);
    await (await page.send("DELETE", "/admin/page/token", { token })).text();
    await stream.text();
  });

  test("ends when the gateway drains, and opens no more", async () => {
    const page = await open();
    const { operator: token } = page.tokens;
    const frames = await page.follow(token);
    const drained = page.gateway.drain();
    await frames.rest();
    await drained;
    expect((await page.send("GET", "/admin/events", { token })).status).toBe(503);
  });

  test("a page that reads too slowly loses its own stream and no other", async () => {
    const page = await open({
      streamBytesMax: 4_096,
      streamNoticeBytesMax: 2_048,
      streamPauseBytes: 1_024,
    });
    const [token, other] = [await page.logIn(), await page.logIn()];
    const slow = await page.follow(token);
    const frames = await page.follow(other);
    for (let index = 0; index < 20; index += 1) {
      page.gateway.log.info(`Record ${index} ${"x".repeat(500)}`);
      page.clock.advance(defaultLimits.liveGatherMs);
      let record: Json = {};
      while (!String(record["message"]).startsWith(`Record ${index} `)) {
        record = (await next(frames, "log"))["record"] as Json;
      }
    }
    const kept = await slow.rest();
    expect(kept.length).toBeLessThan(15);
    await frames.cancel();
    // It comes back and goes on.
    const again = await page.follow(token);
    page.gateway.log.info("Back");
    page.clock.advance(defaultLimits.liveGatherMs);
    expect(await next(again, "log")).toMatchObject({ record: { message: "Back" } });
    await again.cancel();
  });

  test("only so many are open, and a place is free again when its reader has left", async () => {
    const page = await open({ liveStreamsMax: 2 });
    const { operator: token } = page.tokens;
    const [one, two] = [await page.follow(token), await page.follow(token)];
    const refused = await page.json("GET", "/admin/events", { token });
    expect([refused.status, refused.code]).toEqual([503, "overloaded"]);
    await one.cancel();
    const three = await until("a free place", async () => {
      const response = await page.send("GET", "/admin/events", { token });
      if (response.status === 200) return response;
      await response.text();
      return undefined;
    });
    await two.cancel();
    await three.body?.cancel();
  });
});

test("H1 no secret is in any answer or frame, whatever names it", async () => {
  const page = await open();
  const { operator: token } = page.tokens;
  const frames = await page.follow(token);
  await page.json("PUT", "/admin/calls/arguments", { token, body: { shown: true } });
  await say(page, { text: canary, [canary]: 1, deep: [{ list: [`a ${canary} b`] }] });
  await page.client.call(`say_${canary}`, {});
  await page.client.ask("resources/read", { uri: `x://${canary}` });
  const hello = initialize("2025-11-25");
  const params = { ...hello["params"] as Json, clientInfo: { name: canary, version: canary } };
  await (await post(page, {}, { ...hello, params })).text();
  page.gateway.log.error("Cannot go on", { fault: new Error(canary), list: [canary] });
  page.clock.advance(defaultLimits.liveListsMs);
  const seen: string[] = [];
  for (let type = ""; type !== "sessions";) {
    const message = await frames.message();
    type = String(message["type"]);
    seen.push(JSON.stringify(message));
  }
  for (const path of ["status", "servers", "sessions", "calls", "log", "connect"]) {
    seen.push((await page.json("GET", `/admin/${path}`, { token })).text);
  }
  expect(seen.join("\n")).not.toContain(canary);
  expect(seen.join("\n")).toContain("[redacted]");
  await frames.cancel();
});
