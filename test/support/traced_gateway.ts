/**
 * A gateway in front of servers that take part in traces, and clients of both eras that do so, too.
 */
import process from "node:process";
import { createGateway, type GatewayHandle } from "../../src/app.ts";
import { readConfig } from "../../src/config/environment.ts";
import type { Limits } from "../../src/limits.ts";
import type { JsonObject } from "../../src/model.ts";
import type { GatewayEvent } from "../../src/telemetry/events.ts";
import { upstreamKinds } from "../../src/upstream/upstream_kinds.ts";
import { createTestRuntime } from "./fake_runtime.ts";
import { initialize, jsonHeaders } from "./http_harness.ts";
import { programCommand } from "./runtimes.ts";
import { type Served, serveFetch } from "./serve_fetch.ts";
import { envelope, mirror } from "./stateless_client.ts";
import { answerTraced, type ToldTrace } from "./traced_tools.ts";

/** What a test decides. */
export interface TracedOptions {
  /** Variables, such as OTEL_EXPORTER_OTLP_ENDPOINT. */
  readonly env?: Readonly<Record<string, string>>;
  readonly servers: Readonly<Record<string, unknown>>;
  /** Files next to `mcp.json`, by name. */
  readonly files?: Readonly<Record<string, unknown>>;
  readonly limits?: Partial<Limits>;
}

/** What a client sends of a trace. */
export interface SentTrace {
  readonly meta?: JsonObject;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The gateway and its clients. */
export interface TracedGateway {
  readonly handle: GatewayHandle;
  /** What the log shows. */
  readonly lines: readonly string[];
  readonly events: readonly GatewayEvent[];
  /** Calls a tool as a client of an era; returns the answer's message. */
  call(era: ClientEra, tool: string, sent?: SentTrace, args?: JsonObject): Promise<JsonObject>;
  /** The same, and what the tool tells. */
  tell(era: ClientEra, tool: string, sent?: SentTrace): Promise<ToldTrace>;
  close(): Promise<void>;
}

/** The eras that clients speak. */
export type ClientEra = "handshake" | "stateless";

/** A program that takes part in traces, for `mcpServers`. */
export function tracedProgram(name: string, collector: string, isStateless: boolean) {
  const args = [name, collector, ...(isStateless ? ["stateless"] : [])];
  const era = isStateless ? "modern" : "legacy";
  return { ...programCommand("test/support/traced_server.ts", args), era };
}

/** The same as a remote server; its URL is in the row for `mcpServers`. */
export async function serveTraced(
  name: string,
  collector: string | undefined,
  isStateless: boolean,
): Promise<{ readonly served: Served; readonly row: JsonObject }> {
  const served = await serveFetch(async (request) => {
    if (request.method !== "POST") return new Response(null, { status: 405 });
    const headers = Object.fromEntries(request.headers);
    const options = { name, collector, isStateless };
    const message = await request.json() as Parameters<typeof answerTraced>[1];
    const answer = await answerTraced(options, message, headers);
    return answer === undefined ? new Response(null, { status: 202 }) : Response.json(answer);
  });
  const era = isStateless ? "modern" : "legacy";
  const url = `http://127.0.0.1:${served.port}/mcp`;
  return { served, row: { url, era, transport: "streamable-http" } };
}

/** Starts the gateway. */
export async function startTraced(
  { env = {}, servers, files = {}, limits = {} }: TracedOptions,
): Promise<TracedGateway> {
  const { config } = await readConfig({
    kinds: upstreamKinds,
    env: {
      PATH: process.env["PATH"] ?? "",
      MCP_DATA_DIR: ":memory:",
      MCP_CONFIG: "mcp.json",
      ...env,
    },
    cwd: process.cwd(),
    readText(path) {
      const name = path.slice(path.lastIndexOf("/") + 1);
      return Promise.resolve(JSON.stringify(files[name] ?? { mcpServers: servers }));
    },
  });
  const lines: string[] = [];
  const handle = await createGateway({
    config: { ...config, tryServers: false },
    runtime: await createTestRuntime(),
    // A batch waits for nothing that a test would have to wait for.
    limits: { spanBatchMs: 20, ...limits },
    console: (line) => void lines.push(line),
  });
  const events: GatewayEvent[] = [];
  handle.observe((event) => void events.push(event));
  const host = `localhost:${config.port}`;
  const send = async (headers: Readonly<Record<string, string>>, body: object) => {
    const request = new Request(`http://${host}/mcp`, {
      method: "POST",
      headers: { host, ...headers },
      body: JSON.stringify(body),
    });
    const response = await handle.fetch(request);
    return { response, text: await response.text() };
  };
  let session: Promise<string> | undefined;
  const open = async (): Promise<string> => {
    const { response } = await send(jsonHeaders, initialize("2025-11-25"));
    const id = response.headers.get("mcp-session-id") ?? "";
    const headers = { ...jsonHeaders, "mcp-session-id": id };
    await send(headers, { jsonrpc: "2.0", method: "notifications/initialized" });
    return id;
  };
  let id = 0;
  const call: TracedGateway["call"] = async (era, name, { meta, headers } = {}, args = {}) => {
    const params = { name, arguments: args };
    const own = era === "handshake"
      ? { ...jsonHeaders, "mcp-session-id": await (session ??= open()) }
      : mirror("tools/call", params);
    const _meta = { ...(era === "handshake" ? {} : envelope()), ...meta };
    id += 1;
    const message = { jsonrpc: "2.0", id, method: "tools/call", params: { ...params, _meta } };
    const { text } = await send({ ...own, ...headers }, message);
    const lines = text.split("\n").filter((line) => line.startsWith("data: {"));
    return JSON.parse(lines.at(-1)?.slice("data: ".length) ?? text);
  };
  return {
    handle,
    lines,
    events,
    call,
    async tell(era, tool, sent) {
      const { result } = await call(era, tool, sent) as {
        result: { content: { text: string }[] };
      };
      return JSON.parse(result.content[0]?.text ?? "");
    },
    async close() {
      void handle.drain();
      await handle.close();
    },
  };
}
