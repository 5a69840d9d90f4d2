/** A real process that stands still (SIGSTOP) is noticed, killed and replaced. */
import { afterEach, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { createGateway, defaultTables, type GatewayHandle } from "../../src/app.ts";
import { readConfig } from "../../src/config/environment.ts";
import { defaultLimits } from "../../src/limits.ts";
import { createTestClock, runClock } from "../support/clock.ts";
import { createTestRuntime } from "../support/fake_runtime.ts";
import { initialize, jsonHeaders, request } from "../support/http_harness.ts";
import { lastOf } from "../support/own_tables.ts";
import { isAlive, sendSignal } from "../support/processes.ts";
import { startMsMax, until } from "../support/wait.ts";
import { hostileCommand } from "./hostile_command.ts";

const clock = createTestClock();
const folder = mkdtempSync(join(tmpdir(), "stopped-child-"));
/** What the program gets. */
const input = join(folder, "input");
let gateway: GatewayHandle | undefined;
let stopClock = (): void => {};
afterEach(async () => {
  await gateway?.close();
  stopClock();
  rmSync(folder, { recursive: true });
});

async function start(): Promise<GatewayHandle> {
  const { PATH = "", HOME = "", DENO_DIR } = process.env;
  const entry = {
    ...hostileCommand(`--input-file=${input}`),
    spare: false,
    startTimeoutMs: startMsMax,
    env: { HOME, ...(DENO_DIR === undefined ? {} : { DENO_DIR }) },
  };
  const { config } = await readConfig({
    kinds: defaultTables.kinds,
    env: { PATH, MCP_DATA_DIR: ":memory:", MCP_CONFIG: "mcp.json" },
    cwd: process.cwd(),
    readText: () => Promise.resolve(JSON.stringify({ mcpServers: { one: entry } })),
  });
  return await createGateway({
    config: { ...config, tryServers: false },
    runtime: await createTestRuntime(),
    clock,
    console: () => {},
  });
}

const post = (body: unknown, headers: Record<string, string> = {}) =>
  gateway!.fetch(
    new Request("http://localhost:8999/servers/one/mcp", {
      method: "POST",
      headers: { host: "localhost:8999", ...jsonHeaders, ...headers },
      body: JSON.stringify(body),
    }),
  );

async function pidIn(session: string): Promise<number> {
  const response = await post(
    request(1, "tools/call", { name: "state", arguments: {} }),
    { "mcp-session-id": session },
  );
  const { result } = await lastOf(response) as { result?: { content: { text: string }[] } };
  return JSON.parse(result?.content[0]?.text ?? "{}").pid;
}

test("E2: a program that is stopped by a signal is replaced, and its session goes on", async () => {
  gateway = await start();
  stopClock = runClock(clock, () => true);
  const { healthCheckMs, pingMs, stopMs } = defaultLimits;
  const hello = await post(initialize("2025-11-25"));
  await hello.text();
  const session = hello.headers.get("mcp-session-id") ?? "";
  const first = await pidIn(session);
  // A program that runs stays: it answers the ping, and then the call.
  for (let pings = 1; pings <= 3; pings++) {
    clock.advance(healthCheckMs);
    expect(await pidIn(session)).toBe(first);
    expect(readFileSync(input, "utf8").split('"ping"')).toHaveLength(pings + 1);
  }
  sendSignal(first, "SIGSTOP");
  clock.advance(healthCheckMs);
  expect(isAlive(first)).toBe(true);
  await until("the program is killed", () => {
    clock.advance(Math.min(pingMs, stopMs));
    return !isAlive(first);
  });
  const second = await pidIn(session);
  expect(second).not.toBe(first);
  expect(isAlive(second)).toBe(true);
});
