/**
 * The events that a gateway emits while clients and servers come and go.
 */
import { afterEach, expect, test } from "bun:test";
import process from "node:process";
import { createGateway, type GatewayHandle } from "../../src/app.ts";
import { readConfig } from "../../src/config/environment.ts";
import type { Limits } from "../../src/limits.ts";
import { upstreamKinds } from "../../src/upstream/upstream_kinds.ts";
import type { GatewayEvent } from "../../src/telemetry/events.ts";
import { hostileCommand } from "../fault/hostile_command.ts";
import { createTestRuntime } from "../support/fake_runtime.ts";
import { initialize, jsonHeaders } from "../support/http_harness.ts";
import { until } from "../support/wait.ts";

const gateways: GatewayHandle[] = [];

afterEach(async () => {
  for (const gateway of gateways.splice(0)) {
    void gateway.drain();
    await gateway.close();
  }
});

async function start(servers: Record<string, unknown>, limits: Partial<Limits> = {}) {
  const { config } = await readConfig({
    kinds: upstreamKinds,
    env: { PATH: process.env["PATH"] ?? "", MCP_DATA_DIR: ":memory:", MCP_CONFIG: "mcp.json" },
    cwd: process.cwd(),
    readText: () => Promise.resolve(JSON.stringify({ mcpServers: servers })),
  });
  const gateway = await createGateway({
    config: { ...config, tryServers: false },
    runtime: await createTestRuntime(),
    limits,
  });
  gateways.push(gateway);
  const events: GatewayEvent[] = [];
  gateway.observe((event) => void events.push(event));
  let id = 1;
  const post = async (
    path: string,
    message: object,
    session?: string,
    others: Record<string, string> = {},
  ) => {
    const more = { ...(session === undefined ? {} : { "mcp-session-id": session }), ...others };
    const response = await gateway.fetch(
      new Request(`http://localhost:${config.port}${path}`, {
        method: "POST",
        headers: { host: `localhost:${config.port}`, ...jsonHeaders, ...more },
        body: JSON.stringify(message),
      }),
    );
    return { response, text: await response.text() };
  };
  const open = async (): Promise<string> => {
    const { response } = await post("/mcp", initialize("2025-11-25"));
    const session = response.headers.get("mcp-session-id") ?? "";
    await post("/mcp", { jsonrpc: "2.0", method: "notifications/initialized" }, session);
    return session;
  };
  const call = (session: string, name: string, args: object = {}) =>
    post("/mcp", {
      jsonrpc: "2.0",
      id: ++id,
      method: "tools/call",
      params: { name, arguments: args },
    }, session);
  const seen = (type: GatewayEvent["type"]) => events.filter((event) => event.type === type);
  return { gateway, events, post, open, call, seen };
}

test("a client, its server's state, dropped output of the server and its exit are events", async () => {
  const { gateway, open, call, seen } = await start({
    one: { ...hostileCommand("--banner"), isolation: "session" },
  });
  const session = await open();
  expect((await call(session, "echo", { a: 1 })).text).toContain("a");
  expect(seen("client_connected")).toEqual([
    expect.objectContaining({ surface: "/mcp", revision: "2025-11-25" }),
  ]);
  const states = seen("server_state").map((event) => "state" in event && event.state);
  expect(states).toContain("running");
  expect(seen("dropped")[0]).toEqual({ type: "dropped", what: "server_output", server: "one" });

  await call(session, "crash", { how: "exit" });
  await until("the death of the server", () => seen("connection_closed").length > 0);
  expect(seen("connection_closed")[0]).toEqual(
    expect.objectContaining({ server: "one", died: expect.any(String) }),
  );
  expect(gateway.counts()["client_connected"]).toBe(1);
  expect(gateway.counts()["dropped.server_output"]).toBeGreaterThan(0);
});

test("a log line of a call whose client takes no stream is a drop of that call's server", async () => {
  const { open, post, seen } = await start({ one: hostileCommand() });
  const session = await open();
  const params = { name: "log", arguments: { level: "error", text: "unheard" } };
  const message = { jsonrpc: "2.0", id: 9, method: "tools/call", params };
  const { response } = await post("/mcp", message, session, { accept: "application/json" });
  expect(response.status).toBe(200);
  expect(seen("dropped")).toEqual([{ type: "dropped", what: "call_notice", server: "one" }]);
});

test("what a server says of a call that its client gave up is a drop", async () => {
  const { post, open, call, seen } = await start({ one: hostileCommand() });
  const session = await open();
  await call(session, "echo");
  const params = { name: "bad", arguments: { how: "late", ms: 100 } };
  const given = post("/mcp", { jsonrpc: "2.0", id: 99, method: "tools/call", params }, session);
  // The server counts the calls that it has begun: `echo`, those of `count`, and this one.
  let counted = 0;
  await until("the call to begin", async () => {
    const { text } = await call(session, "count");
    counted += 1;
    return text.includes(`"text":"${counted + 2}"`);
  });
  const cancel = { requestId: 99, reason: "not needed" };
  await post(
    "/mcp",
    { jsonrpc: "2.0", method: "notifications/cancelled", params: cancel },
    session,
  );
  await given;
  await until("the late answer", () => seen("dropped").length > 0);
  expect(seen("dropped")).toEqual([{ type: "dropped", what: "late_message", server: "one" }]);
});

test("a frame that a client can no longer ask for again is a drop", async () => {
  const { gateway, open, call, seen } = await start({ one: hostileCommand() }, {
    replayFramesMax: 1,
  });
  const session = await open();
  const { text } = await call(session, "log", { level: "error", text: "before the answer" });
  expect(text).toContain("before the answer");
  expect(seen("dropped")).toEqual([{ type: "dropped", what: "replay_frame" }]);
  expect(gateway.counts()["dropped.replay_frame"]).toBe(1);
});

test("a call that failed, and a request that never became a call, are events with their reasons", async () => {
  const { gateway, post, open, call, seen } = await start({ one: hostileCommand() });
  const session = await open();
  await call(session, "no_such_tool");
  const client = "test 1";
  const surface = "/mcp";
  expect(seen("call_ended").at(-1)).toEqual({
    type: "call_ended",
    call: expect.any(Number),
    surface,
    method: "tools/call",
    item: "no_such_tool",
    own: "no_such_tool",
    clientInfo: { name: "test", version: "1" },
    arguments: {},
    server: "one",
    principal: "anonymous",
    ms: expect.any(Number),
    outcome: "upstream_error",
    failure: {
      server: "one",
      item: "no_such_tool",
      client,
      code: "upstream_error",
      reason: expect.stringContaining("no_such_tool"),
    },
  });
  await post(surface, { jsonrpc: "2.0", id: 9, method: "no/such" }, session);
  const failure = { client, code: "method_not_found", reason: 'Unknown method "no/such"' };
  expect(seen("call_refused")).toEqual([
    { type: "call_refused", surface, method: "no/such", principal: "anonymous", failure },
  ]);
  expect(gateway.counts()).toMatchObject({
    "call_ended.upstream_error": 1,
    "call_refused.method_not_found": 1,
  });
});

test("a refused request and a server that cannot start are events with their codes", async () => {
  const { gateway, post, open, call, seen } = await start({
    gone: { command: "/no/such/program" },
  });
  await post("/servers/other/mcp", initialize("2025-11-25"));
  expect(seen("request_refused")).toEqual([
    { type: "request_refused", status: 404, code: "path_unknown" },
  ]);
  await call(await open(), "x");
  expect(seen("start_failed")[0]).toEqual(
    expect.objectContaining({ server: "gone", next: "failed" }),
  );
  expect(gateway.counts()["request_refused.path_unknown"]).toBe(1);
});
