/**
 * A program that cannot run as it is configured is not started again, by clients or by time, until
 * its configuration changes.
 */
import { afterEach, expect, test } from "bun:test";
import process from "node:process";
import { createGateway, defaultTables, type GatewayHandle } from "../../src/app.ts";
import { readConfig } from "../../src/config/environment.ts";
import { readServers } from "../../src/config/mcp_json.ts";
import { createTestClock, runClock } from "../support/clock.ts";
import { createTestRuntime } from "../support/fake_runtime.ts";
import { initialize, jsonHeaders, request } from "../support/http_harness.ts";
import { lastOf } from "../support/own_tables.ts";
import { until } from "../support/wait.ts";
import { hostileCommand } from "./hostile_command.ts";

let gateway: GatewayHandle | undefined;
let stopClock = (): void => {};
afterEach(async () => {
  await gateway?.close();
  stopClock();
});

const environment = { PATH: process.env["PATH"] ?? "", HOME: process.env["HOME"] ?? "" };
const textOf = (entry: unknown) => JSON.stringify({ mcpServers: { one: entry } });

async function start(entry: { readonly command: string; readonly args: readonly string[] }) {
  const clock = createTestClock();
  const runtime = await createTestRuntime();
  const spawned: string[] = [];
  const { config } = await readConfig({
    kinds: defaultTables.kinds,
    env: { ...environment, MCP_DATA_DIR: ":memory:", MCP_CONFIG: "mcp.json" },
    cwd: process.cwd(),
    readText: () => Promise.resolve(textOf(entry)),
  });
  const started = gateway = await createGateway({
    config,
    runtime: {
      ...runtime,
      spawn(options) {
        spawned.push(options.command);
        return runtime.spawn(options);
      },
    },
    clock,
    console: () => {},
  });
  stopClock = runClock(clock, () => true);
  const post = (body: unknown, headers: Record<string, string> = {}) =>
    started.fetch(
      new Request("http://localhost:8999/servers/one/mcp", {
        method: "POST",
        headers: { host: "localhost:8999", ...jsonHeaders, ...headers },
        body: JSON.stringify(body),
      }),
    );
  return {
    clock,
    starts: (command: string) => spawned.filter((one) => one === command).length,
    state: () => started.servers().find(({ name }) => name === "one")?.state,
    async call() {
      const hello = await post(initialize("2025-11-25"));
      await hello.text();
      const session = hello.headers.get("mcp-session-id");
      const headers: Record<string, string> = session === null ? {} : { "mcp-session-id": session };
      return await lastOf(
        await post(request(1, "tools/call", { name: "echo", arguments: {} }), headers),
      ) as { result?: unknown; error?: { data?: { retryAfterMs?: number } } };
    },
    async reload(next: unknown) {
      await started.reload(
        await readServers({
          path: `${process.cwd()}/mcp.json`,
          env: environment,
          own: { host: "localhost", port: 8999 },
          kinds: defaultTables.kinds,
          readText: () => Promise.resolve(textOf(next)),
        }),
      );
    },
  };
}

for (
  const [what, entry] of [
    ["does not exist", { command: "no-such-program-of-this-test", args: [] }],
    ["cannot be run, as its shell says", { command: "sh", args: ["-c", "exit 127"] }],
  ] as const
) {
  test(`E9: a program that ${what} is started once, and again when its configuration changes`, async () => {
    const { clock, starts, state, call, reload } = await start(entry);
    await until("the first start failed", () => state() === "failed");
    expect(starts(entry.command)).toBe(1);
    for (let hour = 0; hour < 3; hour++) {
      clock.advance(3_600_000);
      const { error } = await call();
      expect(error?.data?.retryAfterMs).toBeUndefined();
    }
    await reload(entry);
    clock.advance(3_600_000);
    await call();
    expect([starts(entry.command), state()]).toEqual([1, "failed"]);

    const { DENO_DIR } = process.env;
    const env = DENO_DIR === undefined ? {} : { DENO_DIR };
    await reload({ ...hostileCommand(), env });
    expect((await call()).result).toBeDefined();
    expect(state()).toBe("running");
  });
}
