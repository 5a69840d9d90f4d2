/**
 * Real clients that cancel a request after a time without progress, in front of servers that work
 * silently for longer: the calls succeed. The times are shorter than in production.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  Client as ClientTwo,
  StreamableHTTPClientTransport as HttpTwo,
  type VersionNegotiationMode,
} from "@modelcontextprotocol/client";
import { Client as ClientOne } from "@modelcontextprotocol/sdk/client/index.js";
import { SSEClientTransport } from "@modelcontextprotocol/sdk/client/sse.js";
import { StreamableHTTPClientTransport as HttpOne } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import process from "node:process";
import { createGateway, type GatewayHandle } from "../../src/app.ts";
import { readConfig } from "../../src/config/environment.ts";
import { upstreamKinds } from "../../src/upstream/upstream_kinds.ts";
import { hostileCommand } from "../fault/hostile_command.ts";
import { serveUpstream, sessionRules } from "../fault/hostile_upstream.ts";
import { serveApi } from "../support/api_server.ts";
import { createTestRuntime } from "../support/fake_runtime.ts";

const silentMs = 5_000;
/** The client's patience: shorter than the work, and many times the gateway's pace. */
const options = { timeout: 2_500, resetTimeoutOnProgress: true };
const keepAliveMs = 250;
const gatewayUrl = "http://127.0.0.1:8999";

let gateway: GatewayHandle;
const closing: { close(): Promise<void> }[] = [];

beforeAll(async () => {
  const api = await serveApi({
    "/slow": ({ json }) => void setTimeout(() => json({ answer: "done" }), silentMs),
    "/openapi.json": ({ json, headers }) =>
      json({
        openapi: "3.1.0",
        info: { title: "Slow", version: "1" },
        servers: [{ url: `http://${headers.host}` }],
        paths: {
          "/slow": {
            get: {
              operationId: "slow",
              responses: { 200: { description: "OK" } },
            },
          },
        },
      }),
  });
  const remote = await serveUpstream({
    ...sessionRules(),
    "tools/list": (visit) =>
      visit.result({ tools: [{ name: "slow", inputSchema: { type: "object" } }] }),
    "tools/call": (visit) =>
      void setTimeout(
        () => visit.result({ content: [{ type: "text", text: "done" }] }),
        silentMs,
      ),
  });
  closing.push(api, remote);
  const mcpServers = {
    program: hostileCommand(),
    remote: { url: remote.url },
    api: { openapi: `${api.origin}/openapi.json` },
    quiet: { ...hostileCommand(), keepAlive: false },
  };
  const { config } = await readConfig({
    kinds: upstreamKinds,
    env: { PATH: process.env["PATH"] ?? "", MCP_DATA_DIR: ":memory:", MCP_CONFIG: "mcp.json" },
    cwd: "/",
    readText: (file) =>
      Promise.resolve(file.endsWith("mcp.json") ? JSON.stringify({ mcpServers }) : undefined),
  });
  gateway = await createGateway({
    config,
    runtime: await createTestRuntime(),
    limits: { keepAliveMs, keepAliveSweepMs: 50 },
  });
});

afterAll(async () => {
  gateway.drain();
  await gateway.close();
  await Promise.all(closing.map(({ close }) => close()));
});

/** The gateway as a client's `fetch`. */
const asFetch = (url: string | URL, init?: RequestInit): Promise<Response> => {
  const request = new Request(`${url}`, init);
  request.headers.set("host", new URL(url).host);
  return gateway.fetch(request);
};

interface Heard {
  readonly text: string;
  readonly progress: readonly number[];
  readonly messages: readonly (string | undefined)[];
}

type Call = (server: string) => Promise<Heard>;

const textOf = (content: unknown) =>
  (content as { text?: string }[]).map(({ text = "" }) => text).join("");

function notes() {
  const progress: number[] = [];
  const messages: (string | undefined)[] = [];
  const onprogress = (heard: { progress: number; message?: string | undefined }) => {
    progress.push(heard.progress);
    messages.push(heard.message);
  };
  return { progress, messages, onprogress };
}

const withOne = (open: (path: string) => Transport): Call => async (server) => {
  const client = new ClientOne({ name: "patient", version: "1" });
  await client.connect(open(`${gatewayUrl}/servers/${server}`));
  const { onprogress, ...heard } = notes();
  const call = { name: "slow", arguments: server === "api" ? {} : { ms: silentMs } };
  const result = await client.callTool(call, undefined, { ...options, onprogress })
    .finally(() => client.close());
  return { text: textOf(result.content), ...heard };
};

const withTwo = (mode: VersionNegotiationMode): Call => async (server) => {
  const info = { name: "patient", version: "1" };
  const client = new ClientTwo(info, { versionNegotiation: { mode } });
  const url = new URL(`${gatewayUrl}/servers/${server}/mcp`);
  await client.connect(new HttpTwo(url, { fetch: asFetch }));
  const { onprogress, ...heard } = notes();
  const call = { name: "slow", arguments: server === "api" ? {} : { ms: silentMs } };
  const result = await client.callTool(call, { ...options, onprogress })
    .finally(() => client.close());
  return { text: textOf(result.content), ...heard };
};

const clients: Readonly<Record<string, Call>> = {
  "SDK 1.32 over Streamable HTTP": withOne((path) =>
    new HttpOne(new URL(`${path}/mcp`), { fetch: asFetch }) as Transport
  ),
  "SDK 1.32 over HTTP+SSE": withOne((path) =>
    new SSEClientTransport(new URL(`${path}/sse`), { fetch: asFetch })
  ),
  "client 2.4 of the handshake's era": withTwo("legacy"),
  "client 2.4 of 2026-07-28": withTwo({ pin: "2026-07-28" }),
};

describe("a tool that is silent for longer than its client waits", () => {
  for (const [name, call] of Object.entries(clients)) {
    test(`succeeds: ${name}, a program, a remote server and a web API`, async () => {
      const heard = await Promise.all(["program", "remote", "api"].map(call));
      for (const { text, progress, messages } of heard) {
        expect(text).toContain("done");
        expect(progress.length).toBeGreaterThanOrEqual(2);
        expect(progress).toEqual([...new Set(progress)].sort((one, other) => one - other));
        for (const message of messages) expect(message).toMatch(/^Still working \(\d+ s\)$/);
      }
    });
  }

  test("stays silent if the configuration says so", async () => {
    const calls = Object.values(clients).slice(2).map((call) => call("quiet"));
    for (const { reason } of await Promise.allSettled(calls) as PromiseRejectedResult[]) {
      expect(String(reason)).toMatch(/timed out/i);
    }
  });
});
