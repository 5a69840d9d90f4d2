/**
 * Gateways of one process that are instances on a real engine, each with a server of its own and a
 * TCP proxy between it and the engine. The engine's clock is the real one, so theirs is, too; their
 * terms are short.
 */
import process from "node:process";
import { createGateway, defaultTables, type GatewayHandle } from "../../src/app.ts";
import { systemClock } from "../../src/clock.ts";
import { readConfig } from "../../src/config/environment.ts";
import type { Limits } from "../../src/limits.ts";
import type { JsonObject } from "../../src/model.ts";
import { defineKind } from "../../src/upstream/upstream_kinds.ts";
import { echoKind } from "./echo_kind.ts";
import { type EngineProxy, startEngineProxy } from "./engine_proxy.ts";
import { createTestRuntime } from "./fake_runtime.ts";
import { createFakeUpstream, type FakeUpstream } from "./fake_upstream.ts";
import {
  type Harness,
  initialize,
  jsonHeaders,
  sessionOf,
  type TestSession,
} from "./http_harness.ts";
import { openInternal } from "./internal_listener.ts";

/** Terms that a test can wait for, and that a busy machine can still keep. */
export const shortTerms = {
  ownerTermMs: 4_000,
  ownerRenewMs: 500,
  ownerRetryMs: 100,
  ownerSilentMs: 3_000,
  ownerReturnMs: 2_000,
  takeoverWaitMs: 30_000,
  takeoverCheckMs: 50,
  forwardCheckMs: 100,
  leaveMsMin: 50,
} as const satisfies Partial<Limits>;

/** An outage is noticed, and its end, without the usual waits. */
export const quickProbes = {
  engineProbeMs: 100,
  engineProbeAgainMs: 100,
  engineRetryMsMin: 20,
  engineRetryMsMax: 200,
} as const satisfies Partial<Limits>;

/** One instance. */
export interface EngineGateway {
  readonly name: string;
  readonly gateway: GatewayHandle;
  readonly proxy: EngineProxy;
  /** Its own server, `tools`. */
  readonly server: FakeUpstream;
  readonly send: Harness["send"];
  /** Lines of its log, as text. */
  readonly log: string[];
  /** Opens a session; rejects with the status if it is refused. */
  connect(): Promise<TestSession>;
  /** The answer to an attempt to open a session. */
  tryConnect(): Promise<Response>;
  /** The client of a session that another instance gave out, at this one. */
  client(session: Pick<TestSession, "id">): Omit<TestSession, "result">;
  health(path: "/health" | "/ready"): Promise<{ readonly code: number; readonly status: string }>;
  /** The network splits: neither the engine nor another instance reaches it, or it them. */
  isolate(): Promise<void>;
  stop(): Promise<void>;
}

/** What an instance is started with. */
export interface EngineGatewayOptions {
  readonly name: string;
  /** MCP_STORE; `PORT` stands for the port of its proxy. */
  readonly url: string;
  /** The port of the engine, where its proxy sends everything. */
  readonly port: () => number;
  readonly limits?: Partial<Limits>;
  /** How far the clock of its machine is off, in milliseconds. */
  readonly clockOffMs?: number;
}

/** Starts an instance. */
export async function startEngineGateway(
  { name, url, port, limits = {}, clockOffMs = 0 }: EngineGatewayOptions,
): Promise<EngineGateway> {
  const runtime = await createTestRuntime();
  const proxy = await startEngineProxy(port);
  const server = createFakeUpstream("tools", {
    tools: [{ name: "say", inputSchema: { type: "object" } }],
    resources: [{ uri: "test://r", name: "r" }],
  });
  const kinds = [...defaultTables.kinds, defineKind({ ...echoKind, create: () => server })];
  const { config } = await readConfig({
    kinds,
    env: {
      PATH: process.env["PATH"] ?? "",
      MCP_DATA_DIR: ":memory:",
      MCP_CONFIG: "mcp.json",
      MCP_SECRET: "a secret that all instances of one gateway have",
      MCP_STORE: url.replace("PORT", String(proxy.port)),
      MCP_TRY_SERVERS: "off",
    },
    cwd: "/srv",
    readText: () => Promise.resolve(JSON.stringify({ mcpServers: { tools: { echo: true } } })),
  });
  const log: string[] = [];
  const gateway = await createGateway({
    config,
    runtime,
    kinds,
    instance: name,
    clock: { ...systemClock, wall: () => systemClock.wall() + clockOffMs },
    limits: { ...shortTerms, ...quickProbes, ...limits },
    console: (line) => void log.push(line),
  });
  const listener = await openInternal(gateway, runtime);
  let isReachable = true;
  let isStopped = false;
  const hide = async (): Promise<void> => {
    if (isReachable) await listener.close(0);
    isReachable = false;
  };
  const send: Harness["send"] = (method, path, { headers, body, signal } = {}) =>
    gateway.fetch(
      new Request(`http://localhost:8999${path}`, {
        method,
        headers: { host: "localhost:8999", ...headers },
        ...(signal === undefined ? {} : { signal }),
        ...(body === undefined
          ? {}
          : { body: typeof body === "string" ? body : JSON.stringify(body) }),
      }),
    );
  const tryConnect = () =>
    send("POST", "/mcp", { headers: jsonHeaders, body: initialize("2025-11-25") });
  return {
    name,
    gateway,
    proxy,
    server,
    send,
    log,
    tryConnect,
    async connect() {
      const response = await tryConnect();
      const id = response.headers.get("mcp-session-id");
      const { result } = await response.json() as { result: TestSession["result"] };
      if (id === null) throw new Error(`No session: HTTP ${response.status}`);
      const session = sessionOf({ send }, id);
      await session.post({ jsonrpc: "2.0", method: "notifications/initialized" });
      return { ...session, result };
    },
    client: ({ id }) => sessionOf({ send }, id),
    async health(path) {
      const response = await send("GET", path, {});
      const { status } = await response.json() as { status: string };
      return { code: response.status, status };
    },
    async isolate() {
      proxy.hold();
      await hide();
    },
    async stop() {
      if (isStopped) return;
      isStopped = true;
      proxy.repair();
      void gateway.drain();
      await hide();
      await gateway.close();
      await proxy.close();
    },
  };
}

/** One request of a session: its HTTP status, and its result or error. */
export async function ask(
  client: Pick<TestSession, "post">,
  id: number,
  method: string,
  params: JsonObject = {},
): Promise<{
  readonly status: number;
  readonly result?: JsonObject;
  readonly error?: { readonly code: number; readonly message: string; readonly data?: JsonObject };
  readonly retryAfter: string | null;
}> {
  const response = await client.post({ jsonrpc: "2.0", id, method, params });
  const retryAfter = response.headers.get("retry-after");
  const text = await response.text();
  const json = text.startsWith("{") ? text : /^data: (\{.*"id":.*\})$/m.exec(text)?.[1] ?? "{}";
  return { status: response.status, retryAfter, ...JSON.parse(json) as JsonObject };
}
