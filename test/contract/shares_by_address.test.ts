/**
 * A gateway that other machines reach and that asks for no credentials: clients are distinguished by
 * their addresses, so one that takes all it can keeps no other out. Real sockets from several
 * addresses of this machine.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { request as sendRequest } from "node:http";
import process from "node:process";
import { createGateway, defaultTables, type GatewayHandle } from "../../src/app.ts";
import { readConfig } from "../../src/config/environment.ts";
import type { Listener } from "../../src/runtime/runtime.ts";
import { echoKind } from "../support/echo_kind.ts";
import { createTestRuntime } from "../support/fake_runtime.ts";
import { initialize, jsonHeaders } from "../support/http_harness.ts";
import { ask } from "../support/stateless_client.ts";

const testMs = 60_000;
const greedyAddress = "127.0.0.2";
const otherAddresses = ["127.0.0.3", "127.0.0.4", "127.0.0.5"];
const limits = { principalSessionsMax: 4, sessionsMax: 8 };
let gateway: GatewayHandle;
let listener: Listener;

beforeAll(async () => {
  const kinds = [...defaultTables.kinds, echoKind];
  const { config } = await readConfig({
    kinds,
    env: {
      PATH: process.env["PATH"] ?? "",
      MCP_DATA_DIR: ":memory:",
      MCP_CONFIG: "mcp.json",
      MCP_HOST: "0.0.0.0",
      MCP_PORT: "0",
      MCP_ALLOW_UNAUTHENTICATED: "true",
    },
    cwd: "/srv",
    readText: () => Promise.resolve(JSON.stringify({ mcpServers: { one: { echo: true } } })),
  });
  const runtime = await createTestRuntime();
  gateway = await createGateway({ config, runtime, kinds, limits });
  listener = await runtime.serve({
    hostname: "0.0.0.0",
    port: 0,
    listener: "hardened",
    fetch: gateway.fetch,
  });
}, testMs);

afterAll(async () => {
  await listener.close(0);
  await gateway.close();
}, testMs);

interface Sent {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/** Sends requests from an address of this machine. */
const from = (localAddress: string) => (method: string, path: string, sent: Sent = {}) =>
  new Promise<Response>((resolve, reject) => {
    const outgoing = sendRequest({
      host: "127.0.0.1",
      port: listener.port,
      localAddress,
      agent: false,
      method,
      path,
      headers: { ...sent.headers },
    }, (incoming) => {
      incoming.setEncoding("utf8");
      let text = "";
      incoming.on("data", (chunk: string) => void (text += chunk));
      incoming.on("error", reject);
      incoming.on("end", () => {
        const headers = Object.entries(incoming.headers).map(([name, value]) =>
          [name, String(value)] as [string, string]
        );
        resolve(new Response(text, { status: incoming.statusCode ?? 0, headers }));
      });
    });
    outgoing.on("error", reject);
    outgoing.end(sent.body === undefined ? undefined : JSON.stringify(sent.body));
  });

const open = (address: string) =>
  from(address)("POST", "/mcp", { headers: jsonHeaders, body: initialize("2025-11-25") });

const call = (address: string) =>
  ask({ send: from(address) }, "tools/call", { name: "say", arguments: { text: "hello" } });

test(
  "B15 C9: one address that takes all sessions and floods with calls keeps no other out",
  async () => {
    const opened = await Promise.all(Array.from({ length: 20 }, () => open(greedyAddress)));
    const statuses = opened.map(({ status }) => status);
    expect(statuses.filter((status) => status === 200).length).toBe(limits.principalSessionsMax);
    const refused = opened.filter(({ status }) => status === 429);
    expect(refused.length).toBe(20 - limits.principalSessionsMax);
    for (const { headers } of refused) {
      expect(Number(headers.get("retry-after"))).toBeGreaterThan(1);
    }
    const flood = Array.from({ length: 60 }, () => call(greedyAddress));
    for (const address of otherAddresses) {
      expect((await open(address)).status).toBe(200);
      expect(await (await call(address)).text()).toContain('"result"');
    }
    await Promise.all(flood);
  },
  testMs,
);
