/** Clients that read nothing while their servers say much. Programs are real. */
import { afterEach, expect, test } from "bun:test";
import process from "node:process";
import { createGateway, defaultTables, type GatewayHandle } from "../../src/app.ts";
import { readConfig } from "../../src/config/environment.ts";
import { createTestRuntime } from "../support/fake_runtime.ts";
import { initialize, jsonHeaders } from "../support/http_harness.ts";
import { projectDirectory } from "../support/runtimes.ts";
import { until } from "../support/wait.ts";

const testMs = 120_000;
const notices = 4_096;
/** Where requests say they go; nothing listens. */
const host = "localhost:3000";
let gateway: GatewayHandle | undefined;

afterEach(async () => {
  await gateway?.close();
  gateway = undefined;
}, testMs);

/** Starts a gateway with a server that logs megabytes in a call. */
async function startFlooded(): Promise<GatewayHandle> {
  const flood = {
    command: "sh",
    args: [`${projectDirectory}/bench/support/flood_server.sh`, String(notices)],
    spare: false,
  };
  const { config } = await readConfig({
    kinds: defaultTables.kinds,
    env: {
      PATH: process.env["PATH"] ?? "",
      MCP_DATA_DIR: ":memory:",
      MCP_CONFIG: "mcp.json",
      MCP_PORT: "3000",
    },
    cwd: process.cwd(),
    readText: () => Promise.resolve(JSON.stringify({ mcpServers: { flood } })),
  });
  const limits = { streamPauseMs: 200 };
  return gateway = await createGateway({ config, runtime: await createTestRuntime(), limits });
}

/** Opens a session; the returned function calls a tool in it. */
async function openSession({ fetch }: GatewayHandle) {
  const send = (headers: Record<string, string>, body: unknown) =>
    fetch(
      new Request(`http://${host}/servers/flood/mcp`, {
        method: "POST",
        headers: { host, ...jsonHeaders, ...headers },
        body: JSON.stringify(body),
      }),
    );
  const opened = await send({}, initialize("2025-11-25"));
  expect(opened.status).toBe(200);
  await opened.text();
  const headers = {
    "mcp-session-id": opened.headers.get("mcp-session-id") ?? "",
    "mcp-protocol-version": "2025-11-25",
  };
  await send(headers, { jsonrpc: "2.0", method: "notifications/initialized" });
  return (name: string) =>
    send(headers, { jsonrpc: "2.0", id: 7, method: "tools/call", params: { name } });
}

test(
  "B12: a client that reads nothing holds no other up, and gets its result in the end",
  async () => {
    const started = await startFlooded();
    let dropped = 0;
    started.observe((event) => {
      if (event.type === "dropped" && event.what === "call_notice") dropped += 1;
    });
    const [stalled, well] = [await openSession(started), await openSession(started)];
    await (await stalled("quiet")).text();
    const answer = await stalled("flood");
    await until("most notices are dropped", () => dropped > notices / 2, testMs);
    expect(await (await well("quiet")).text()).toContain('"result"');
    const text = await answer.text();
    const came = text.split("notifications/message").length - 1;
    expect(text).toContain('"text":"done"');
    expect(came).toBeGreaterThan(0);
    expect(came + dropped).toBe(notices);
    expect(text.length).toBeLessThan(notices * 512);
  },
  testMs,
);
