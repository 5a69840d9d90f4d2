/**
 * What an operator sees and changes at a running gateway: reports of its servers, added servers,
 * restarts; and the registry while no gateway runs.
 */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { createGateway, type GatewayHandle, openRegistry } from "../../src/app.ts";
import { readConfig } from "../../src/config/environment.ts";
import { RegistryError } from "../../src/config/registry_error.ts";
import type { ServerReport } from "../../src/gateway/server_report.ts";
import type { Limits } from "../../src/limits.ts";
import { upstreamKinds } from "../../src/upstream/upstream_kinds.ts";
import { hostileCommand } from "../fault/hostile_command.ts";
import { type Rules, serveUpstream, sessionRules } from "../fault/hostile_upstream.ts";
import { createTestRuntime } from "../support/fake_runtime.ts";
import { initialize, jsonHeaders } from "../support/http_harness.ts";
import { lastOf } from "../support/own_tables.ts";
import { until } from "../support/wait.ts";

type Json = Record<string, unknown>;

let folder: string;
const opened: { close(): Promise<unknown> }[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "operator-"));
});
afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one.close();
  await rm(folder, { recursive: true });
});

/** The configuration of a gateway in the test's folder; without servers there is no `mcp.json`. */
async function configure(mcpServers?: Json, more: Readonly<Record<string, string>> = {}) {
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
    readText: async (path) =>
      mcpServers === undefined || !path.endsWith("mcp.json")
        ? undefined
        : JSON.stringify({ mcpServers }),
  });
  return { config, reading: { path, env } };
}

async function start(
  mcpServers?: Json,
  limits: Partial<Limits> = {},
  env: Readonly<Record<string, string>> = {},
): Promise<GatewayHandle> {
  const gateway = await createGateway({
    ...await configure(mcpServers, env),
    runtime: await createTestRuntime(),
    limits: { restartMsMin: 1, restartMsMax: 1, httpRetriesMax: 0, ...limits },
  });
  opened.push({
    async close() {
      void gateway.drain();
      await gateway.close();
    },
  });
  return gateway;
}

/** A client of one URL. */
async function connect(gateway: GatewayHandle, path = "/mcp") {
  let id = 1;
  let session: Record<string, string> = {};
  const post = (message: object) =>
    gateway.fetch(
      new Request(`http://localhost:8999${path}`, {
        method: "POST",
        headers: { host: "localhost:8999", ...jsonHeaders, ...session },
        body: JSON.stringify(message),
      }),
    );
  const hello = await post(initialize("2025-11-25"));
  await hello.text();
  session = { "mcp-session-id": hello.headers.get("mcp-session-id") ?? "" };
  await (await post({ jsonrpc: "2.0", method: "notifications/initialized" })).text();
  const request = async (method: string, params: object = {}): Promise<Json> =>
    await lastOf(await post({ jsonrpc: "2.0", id: ++id, method, params }));
  return {
    request,
    call: (name: string, args: object = {}) =>
      request("tools/call", { name, arguments: args }).then(({ result, error }) => {
        const { content = [] } = (result ?? {}) as { content?: { text?: string }[] };
        return content[0]?.text ?? (error as { message: string }).message;
      }),
    tools: async () =>
      ((await request("tools/list")).result as { tools: { name: string }[] }).tools
        .map(({ name }) => name),
  };
}

const reportOf = (gateway: GatewayHandle, name: string): ServerReport => {
  const report = gateway.servers().find((one) => one.name === name);
  if (report === undefined) throw new Error(`No report of ${name}`);
  return report;
};
const stateOf = (gateway: GatewayHandle, name: string) => reportOf(gateway, name).state;
const untilState = (gateway: GatewayHandle, name: string, state: ServerReport["state"]) =>
  until(`${name} to be ${state}`, () => stateOf(gateway, name) === state);

async function serve(rules: Rules) {
  const server = await serveUpstream(rules);
  opened.push(server);
  return server;
}

describe("a server that is added to a running gateway", () => {
  test("is served at once, after the next start too, and no longer when it is removed", async () => {
    const servers = { first: hostileCommand() };
    const gateway = await start(servers);
    const client = await connect(gateway);
    expect(await client.tools()).toContain("echo");
    await gateway.registry.put("added", hostileCommand());
    expect(await client.tools()).toContain("added__echo");
    expect(await client.call("added__echo", { a: 1 })).toBe('{"a":1}');
    expect(gateway.servers().map(({ name, source }) => [name, source])).toEqual([
      ["first", "file"],
      ["added", "registry"],
    ]);
    await opened.pop()?.close();
    const again = await start(servers);
    expect(await (await connect(again)).call("added__echo", { a: 2 })).toBe('{"a":2}');
    await again.registry.remove("added");
    expect(again.servers().map(({ name }) => name)).toEqual(["first"]);
    expect(await (await connect(again)).tools()).not.toContain("added__echo");
  });

  test("keeps what it runs when another one is added or mcp.json is read again", async () => {
    const gateway = await start({});
    await gateway.registry.put("a", { ...hostileCommand(), isolation: "shared" });
    const pid = async () =>
      JSON.parse(await (await connect(gateway, "/servers/a/mcp")).call("state")).pid;
    const before = await pid();
    await gateway.registry.put("b", hostileCommand());
    await gateway.reload((await configure({ c: hostileCommand() })).config);
    expect(await pid()).toBe(before);
    expect(gateway.servers().map(({ name }) => name)).toEqual(["c", "a", "b"]);
  });

  test("takes the place of the built-in servers", async () => {
    const gateway = await start();
    expect(gateway.servers().map(({ name, source }) => [name, source])).toEqual([
      ["coingecko", "built-in"],
    ]);
    await gateway.registry.put("mine", hostileCommand());
    expect(gateway.servers().map(({ name }) => name)).toEqual(["mine"]);
  });
});

test("disabled servers are in the reports and in no list", async () => {
  const gateway = await start({
    on: hostileCommand(),
    off: { ...hostileCommand(), disabled: true },
  });
  await gateway.registry.put("added", hostileCommand());
  await gateway.registry.setDisabled("added", true);
  const since = reportOf(gateway, "off").since;
  expect(gateway.servers().map(({ name, state, enabled }) => [name, state, enabled])).toEqual([
    ["on", "idle", true],
    ["off", "disabled", false],
    ["added", "disabled", false],
  ]);
  expect(Date.parse(since)).toBeGreaterThan(0);
  expect(reportOf(gateway, "off").since).toBe(since);
  expect(await (await connect(gateway)).tools()).toContain("echo");
  await expect(connect(gateway, "/servers/off/mcp").then((client) => client.call("echo")))
    .resolves.toContain("no such server is configured");
});

describe("the report of a server", () => {
  test("has what it is, what it offers, and its calls", async () => {
    const gateway = await start({ a: hostileCommand("--revision=2025-06-18") });
    expect(reportOf(gateway, "a")).toMatchObject({
      kind: "stdio",
      state: "idle",
      restarts: 0,
      calls: 0,
      failures: 0,
    });
    const client = await connect(gateway);
    for (let n = 0; n < 3; n++) await client.call("echo");
    await client.call("no_such_tool");
    await until("its lists", () => reportOf(gateway, "a").tools);
    const { since, medianMs, ...report } = reportOf(gateway, "a");
    expect(report).toMatchObject({
      name: "a",
      source: "file",
      enabled: true,
      state: "running",
      revision: "2025-06-18",
      prompts: 1,
      resources: 2,
      calls: 4,
      failures: 1,
      restarts: 0,
    });
    expect(report.serverInfo?.name).toBe("hostile-child");
    expect(report.tools).toBeGreaterThan(5);
    expect(medianMs).toBeGreaterThanOrEqual(0);
    expect(Date.parse(since)).toBeLessThanOrEqual(Date.now());
    expect(JSON.parse(JSON.stringify(report))).toMatchObject({ name: "a" });
  });

  test("has what is stored of a server that has not run since the start", async () => {
    const gateway = await start({ a: hostileCommand() });
    const client = await connect(gateway);
    await client.call("echo");
    const tools = await until("its lists", () => reportOf(gateway, "a").tools);
    await opened.pop()?.close();
    const again = await start({ a: hostileCommand() }, {}, { MCP_TRY_SERVERS: "true" });
    await until("the stored lists", () => reportOf(again, "a").tools !== undefined);
    expect(reportOf(again, "a")).toMatchObject({ state: "idle", tools, calls: 0 });
    expect(reportOf(again, "a").serverInfo?.name).toBe("hostile-child");
    expect(reportOf(again, "a").revision).toBe(undefined);
  });

  test("counts restarts and says why the last one was needed", async () => {
    const gateway = await start({ a: hostileCommand() });
    const client = await connect(gateway);
    for (let n = 1; n <= 2; n++) {
      await client.call("crash", { how: "exit" });
      await until("the next process", async () => (await client.call("echo")) === "{}");
      expect(reportOf(gateway, "a").restarts).toBe(n);
    }
    expect(reportOf(gateway, "a")).toMatchObject({ state: "running" });
    expect(reportOf(gateway, "a").error).toBe(undefined);
    expect(reportOf(gateway, "a").lastError).toContain("exit");
  });

  test("names the fault of a server that cannot be used, without secrets", async () => {
    const secret = "s3cret-of-another-server";
    const words = `the key ${secret} is no good`;
    const server = await serve({
      ...sessionRules(),
      initialize: (visit) => visit.error(200, { code: -32000, message: words }),
    });
    const gateway = await start(
      {
        wrong: { command: 5 },
        other: { ...hostileCommand(), env: { API_KEY: "${KEY}" } },
        far: { url: server.url },
      },
      {},
      { KEY: secret },
    );
    expect(reportOf(gateway, "wrong")).toMatchObject({
      kind: "failed",
      state: "failed",
      error: "upstream_unavailable",
      lastError: "mcpServers.wrong.command in mcp.json: expected a string, got a number",
    });
    await (await connect(gateway, "/servers/far/mcp")).request("tools/list");
    const { state, lastError } = reportOf(gateway, "far");
    expect(state).toBe("failing");
    expect(lastError).toContain("is no good");
    expect(lastError).not.toContain(secret);
  });
});

describe("a restart by command", () => {
  test("ends the old process first, and starts a server again that was in use", async () => {
    const starts = join(folder, "starts");
    const input = join(folder, "input");
    await writeFile(input, "");
    // It goes on for a while when its stdin ends.
    const files = [
      `--start-file=${starts}`,
      `--input-file=${input}`,
      `--lock=${join(folder, "lock")}`,
      "--ignore-eof",
    ];
    const gateway = await start(
      { a: { ...hostileCommand(...files), isolation: "shared" } },
      { stopMs: 1_000, restartMsMin: 60_000, restartMsMax: 60_000 },
    );
    const client = await connect(gateway);
    const hanging = client.call("hang");
    await until("the call", async () => (await readFile(input, "utf8")).includes('"hang"'));
    await gateway.restart("a");
    expect(await hanging).toContain("was stopped while it worked on this call");
    await untilState(gateway, "a", "running");
    expect((await readFile(starts, "utf8")).trim().split("\n").length).toBe(2);
    expect(await client.call("echo", { n: 1 })).toBe('{"n":1}');
    expect(reportOf(gateway, "a").restarts).toBe(1);
  });

  test("forgets the failures of a server in a crash loop", async () => {
    const starts = join(folder, "starts");
    const gateway = await start({
      a: hostileCommand(`--start-file=${starts}`, "--exit-until=4"),
    }, { restartMsMin: 60_000, restartMsMax: 60_000, restartsMax: 1 });
    const client = await connect(gateway);
    await client.request("tools/list");
    await untilState(gateway, "a", "crash_loop");
    // Pauses of a minute stand in the way of every further start.
    for (let n = 2; n <= 3; n++) {
      await gateway.restart("a");
      await until("a start", async () => (await readFile(starts, "utf8")).split("\n").length > n);
      await untilState(gateway, "a", "crash_loop");
    }
    await gateway.restart("a");
    await untilState(gateway, "a", "running");
    expect(await client.call("echo")).toBe("{}");
    expect(reportOf(gateway, "a").error).toBe(undefined);
  });

  test("starts nothing that was idle", async () => {
    const gateway = await start({ a: hostileCommand() });
    await gateway.restart("a");
    expect(stateOf(gateway, "a")).toBe("idle");
  });

  test("is refused for servers that are disabled or not there", async () => {
    const gateway = await start({ off: { ...hostileCommand(), disabled: true } });
    for (const [name, code] of [["off", "disabled"], ["none", "unknown"]] as const) {
      const error = await gateway.restart(name).catch((thrown) => thrown);
      expect(error).toBeInstanceOf(RegistryError);
      expect(error.code).toBe(code);
    }
  });
});

describe("a remote server that wants a log-in, where log-ins are switched off", () => {
  const challenge = { "www-authenticate": 'Bearer resource_metadata="http://localhost/x"' };

  test("says so until it takes the handshake", async () => {
    const rules = sessionRules();
    const { initialize: welcome } = rules;
    const server = await serve({ ...rules, initialize: (visit) => visit.status(401, challenge) });
    const gateway = await start({ far: { url: server.url, oauth: false } });
    const client = await connect(gateway, "/servers/far/mcp");
    await client.request("tools/list");
    expect(reportOf(gateway, "far")).toMatchObject({
      state: "needs_login",
      error: "upstream_unavailable",
    });
    expect(reportOf(gateway, "far").lastError).toContain("wants credentials");
    const health = await gateway.fetch(
      new Request("http://localhost:8999/health", { headers: { host: "localhost:8999" } }),
    );
    expect((await health.json() as { servers: Json[] }).servers[0]).toMatchObject({
      name: "far",
      state: "needs_login",
    });
    server.rules["initialize"] = welcome!;
    await until("the server to be used", async () => (await client.call("work")) === "{}");
    expect(stateOf(gateway, "far")).toBe("running");
    expect(reportOf(gateway, "far").error).toBe(undefined);
  });

  test("says so while it refuses calls of a session", async () => {
    const rules = sessionRules();
    const { "tools/call": work } = rules;
    const server = await serve(rules);
    const gateway = await start({ far: { url: server.url, oauth: false } });
    const client = await connect(gateway, "/servers/far/mcp");
    expect(await client.call("work")).toBe("{}");
    expect(stateOf(gateway, "far")).toBe("running");
    server.rules["tools/call"] = (visit) => visit.status(401, challenge);
    await client.call("work");
    expect(stateOf(gateway, "far")).toBe("needs_login");
    server.rules["tools/call"] = work!;
    expect(await client.call("work")).toBe("{}");
    expect(stateOf(gateway, "far")).toBe("running");
  });

  test("is no other state: a refusal without a challenge is a failure", async () => {
    const server = await serve({ ...sessionRules(), initialize: (visit) => visit.status(401) });
    const gateway = await start({ far: { url: server.url, oauth: false } });
    await (await connect(gateway, "/servers/far/mcp")).request("tools/list");
    expect(stateOf(gateway, "far")).toBe("failing");
  });
});

describe("without a gateway, the registry", () => {
  const open = async (limits: Partial<Limits> = {}) =>
    await openRegistry({
      ...await configure({ taken: hostileCommand() }),
      runtime: await createTestRuntime(),
      limits,
    });

  test("takes servers that the next gateway serves", async () => {
    const registry = await open();
    await registry.put("added", hostileCommand());
    await registry.put("off", { ...hostileCommand(), disabled: true });
    await expect(registry.put("taken", hostileCommand())).rejects.toMatchObject({
      code: "in_file",
    });
    expect(registry.servers().servers.map(({ name }) => name)).toEqual(["taken", "added"]);
    await registry.close();
    const gateway = await start({});
    expect(gateway.servers().map(({ name, enabled }) => [name, enabled])).toEqual([
      ["added", true],
      ["off", false],
    ]);
  });

  test("P3 is refused in words while a gateway runs, and waits for one that stops", async () => {
    await start({});
    await expect(open({ databaseLockedMs: 300 })).rejects.toMatchObject({
      code: "store_unavailable",
      message: `Cannot open the data directory "${join(folder, "data")}": ` +
        "a gateway or another command uses it; try again, or stop that gateway",
    });
    const waiting = open({ databaseLockedMs: 60_000 });
    await opened.pop()?.close();
    await (await waiting).close();
  });

  test("P3 takes the writes of commands that run at the same time", async () => {
    const names = Array.from({ length: 4 }, (_, n) => `s${n}`);
    await Promise.all(names.map(async (name) => {
      const registry = await open({ databaseLockedMs: 60_000 });
      await registry.put(name, hostileCommand());
      await registry.close();
    }));
    const registry = await open();
    expect(registry.list().map(({ name }) => name).sort()).toEqual(names);
    await registry.close();
  });
});
