/**
 * A gateway in this process in front of one server `box` whose tools a test changes: a program, or a
 * remote server of either era. It can be stopped and started again on the same data folder.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { createGateway, type GatewayHandle, type Tables } from "../../src/app.ts";
import { readConfig } from "../../src/config/environment.ts";
import type { Limits } from "../../src/limits.ts";
import type { JsonObject } from "../../src/model.ts";
import type { GatewayEvent } from "../../src/telemetry/events.ts";
import { upstreamKinds } from "../../src/upstream/upstream_kinds.ts";
import {
  serveUpstream,
  sessionRules,
  statelessRules,
  type Visit,
} from "../fault/hostile_upstream.ts";
import { type AccessAnswer, answerOf } from "./access_gateway.ts";
import { type ChangingState, listedTools } from "./changing_state.ts";
import { createTestRuntime } from "./fake_runtime.ts";
import { framesOf, initialize, jsonHeaders } from "./http_harness.ts";
import { programCommand } from "./spawn_gateway.ts";
import { ask } from "./stateless_client.ts";
import { within } from "./wait.ts";

/** How the server is reached. */
export const reaches = [
  "a program",
  "a remote server with sessions",
  "a stateless server",
] as const;

/** One of them. */
export type Reach = typeof reaches[number];

/** Makes a request, and reads its answer to the end. */
export interface PinnedClient {
  (method: string, params?: JsonObject): Promise<AccessAnswer>;
  /** The methods of the notices that came on the stream of its session. */
  readonly heard: readonly string[];
}

/** What a client is like. */
export interface ClientOptions {
  readonly path?: string;
  readonly capabilities?: JsonObject;
}

/** The server, and the gateway in front of it. */
export interface PinnedGateway {
  readonly folder: string;
  /** The running one. */
  readonly gateway: () => GatewayHandle;
  readonly events: GatewayEvent[];
  readonly log: string[];
  /** What the server lists from now on. */
  change(state: Partial<ChangingState>): Promise<void>;
  /** A client with a session. */
  connect(options?: ClientOptions): Promise<PinnedClient>;
  /** A client without. */
  stateless(options?: ClientOptions): PinnedClient;
  stop(): Promise<void>;
  /** Starts it, if it was stopped; `more` is added to the entry of the server. */
  start(more?: JsonObject, file?: JsonObject, tables?: Partial<Tables>): Promise<void>;
  /** Reads another configuration while it runs. */
  reload(mcpServers: JsonObject): Promise<void>;
  /** The entry of the server. */
  readonly entry: JsonObject;
  close(): Promise<void>;
}

/** What is given to the gateway beside its server. */
export interface PinnedOptions {
  readonly entry?: JsonObject;
  readonly limits?: Partial<Limits>;
  readonly env?: Readonly<Record<string, string>>;
}

/** Starts both. */
export async function openPinned(
  reach: Reach,
  first: ChangingState,
  { entry: more = {}, limits, env: moreEnv = {} }: PinnedOptions = {},
): Promise<PinnedGateway> {
  const folder = await mkdtemp(join(tmpdir(), "changed-tools-"));
  const server = await openServer(reach, folder, first);
  const entry: JsonObject = { ...server.entry, ...more };
  const events: GatewayEvent[] = [];
  const log: string[] = [];
  let running: GatewayHandle | undefined;
  const current = () => {
    if (running === undefined) throw new Error("The gateway is stopped");
    return running;
  };
  const read = (file: JsonObject) => configure(folder, file, moreEnv);
  const send = (method: string, path: string, headers: Record<string, string>, body?: unknown) =>
    within(
      `${method} ${path}`,
      current().fetch(
        new Request(`http://localhost:8999${path}`, {
          method,
          headers: { host: "localhost:8999", ...headers },
          ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        }),
      ),
    );
  const pinned: PinnedGateway = {
    folder,
    gateway: current,
    events,
    log,
    entry,
    change: server.change,
    connect: (options) => connect(send, options),
    stateless({ path = "/mcp", capabilities = {} } = {}) {
      const sender: Parameters<typeof ask>[0] = {
        send: (verb, at, { headers = {}, body } = {}) => send(verb, at, headers, body),
      };
      const options = { path, meta: { clientCapabilities: capabilities } };
      const request = async (method: string, params?: JsonObject) =>
        await answerOf(await ask(sender, method, params, options));
      return Object.assign(request, { heard: [] });
    },
    async stop() {
      void running?.drain();
      await running?.close();
      running = undefined;
    },
    async start(own = {}, file = {}, tables = {}) {
      const started = await createGateway({
        ...await read({ mcpServers: { box: { ...entry, ...own } }, ...file }),
        runtime: await createTestRuntime(),
        // Lists wait for a busy machine, too.
        limits: {
          restartMsMin: 1,
          restartMsMax: 1,
          listFreshMsMin: 1,
          firstListMs: 50_000,
          listMs: 50_000,
          ...limits,
        },
        console: (line) => void log.push(line),
        ...tables,
      });
      started.observe((event) => void events.push(event));
      running = started;
    },
    reload: async (mcpServers) => await current().reload((await read({ mcpServers })).config),
    async close() {
      await pinned.stop();
      await server.close();
      await rm(folder, { recursive: true });
    },
  };
  await pinned.start();
  return pinned;
}

async function configure(
  folder: string,
  file: JsonObject,
  more: Readonly<Record<string, string>>,
) {
  const env = {
    PATH: process.env["PATH"] ?? "",
    MCP_DATA_DIR: "data",
    MCP_TRY_SERVERS: "false",
    ...more,
  };
  const { config, configPath: path } = await readConfig({
    kinds: upstreamKinds,
    env,
    cwd: folder,
    readText: (at) => Promise.resolve(at.endsWith("mcp.json") ? JSON.stringify(file) : undefined),
  });
  return { config, reading: { path, env } };
}

async function connect(
  send: (
    method: string,
    path: string,
    headers: Record<string, string>,
    body?: unknown,
  ) => Promise<Response>,
  { path = "/mcp", capabilities = {} }: ClientOptions = {},
): Promise<PinnedClient> {
  const hello = initialize("2025-11-25", capabilities);
  const opened = await answerOf(await send("POST", path, { ...jsonHeaders }, hello));
  const own = { ...jsonHeaders, "mcp-session-id": opened.headers.get("mcp-session-id") ?? "" };
  const ready = { jsonrpc: "2.0", method: "notifications/initialized" };
  await (await send("POST", path, own, ready)).text();
  const heard: string[] = [];
  const stream = framesOf(await send("GET", path, { ...own, accept: "text/event-stream" }));
  void (async () => {
    for (;;) heard.push(String((await stream.message())["method"]));
  })().catch(() => {});
  let id = 0;
  const request = async (method: string, params: JsonObject = {}) =>
    await answerOf(await send("POST", path, own, { jsonrpc: "2.0", id: id += 1, method, params }));
  return Object.assign(request, { heard });
}

/** The server: its entry in `mcp.json`, and how it changes. */
async function openServer(reach: Reach, folder: string, first: ChangingState) {
  let state = first;
  if (reach === "a program") {
    const file = join(folder, "state.json");
    await writeFile(file, JSON.stringify(state));
    return {
      entry: { ...programCommand("test/support/changing_child.ts", [file]), spare: false },
      async change(next: Partial<ChangingState>) {
        state = { ...state, ...next };
        await writeFile(file, JSON.stringify(state));
      },
      close: () => Promise.resolve(),
    };
  }
  const isStateless = reach === "a stateless server";
  const rules = isStateless ? statelessRules() : sessionRules();
  const hints = isStateless ? { resultType: "complete", ttlMs: 0, cacheScope: "private" } : {};
  const declared = new Map<string, JsonObject>();
  const named = `_meta`;
  const server = await serveUpstream({
    ...rules,
    ...(isStateless
      ? {
        "server/discover"(visit: Visit) {
          const serverInfo = { name: "changing", version: state.version };
          visit.result({
            supportedVersions: ["2026-07-28"],
            capabilities: { tools: {} },
            _meta: { "io.modelcontextprotocol/serverInfo": serverInfo },
            ...hints,
          });
        },
      }
      : {
        initialize(visit: Visit) {
          const session = `s${declared.size + 1}`;
          declared.set(session, visit.params["capabilities"] as JsonObject);
          const { protocolVersion } = visit.params;
          const serverInfo = { name: "changing", version: state.version };
          const result = { protocolVersion, serverInfo, capabilities: { tools: {} } };
          visit.result(result, { "mcp-session-id": session });
        },
      }),
    "tools/list"(visit) {
      const meta = visit.params[named] as JsonObject | undefined;
      const capabilities = isStateless
        ? meta?.["io.modelcontextprotocol/clientCapabilities"]
        : declared.get(visit.session ?? "");
      visit.result({ tools: listedTools(state, capabilities as JsonObject | undefined), ...hints });
    },
    "tools/call": (visit) =>
      visit.result({
        content: [{ type: "text", text: `called ${visit.params["name"]}` }],
        ...(isStateless ? { resultType: "complete" } : {}),
      }),
  });
  return {
    entry: { url: server.url },
    change: (next: Partial<ChangingState>) => {
      state = { ...state, ...next };
      return Promise.resolve();
    },
    close: server.close,
  };
}

/** The names in a list of tools, without that which every server has. */
export async function toolNames(client: PinnedClient): Promise<readonly string[]> {
  const { result, error } = await client("tools/list");
  if (error !== undefined) throw new Error(error.message);
  const tools = result?.["tools"] as { readonly name: string }[];
  return tools.map(({ name }) => name.replace(/^box__/, "")).filter((name) => name !== "announce");
}

/** What a call says: its text, or its error. */
export async function callTool(client: PinnedClient, name: string): Promise<string> {
  const { result, error } = await client("tools/call", { name, arguments: {} });
  const [content] = (result?.["content"] ?? []) as { readonly text?: string }[];
  return error === undefined ? content?.text ?? "" : `${error.code} ${error.message}`;
}
