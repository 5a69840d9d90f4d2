/**
 * The first hour: servers that never ran before are all available to the first client, and each
 * starts once. The log and `/health` say which ones work, and why the others do not.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { hostileCommand } from "../fault/hostile_command.ts";
import { clientKinds } from "../support/mcp_clients.ts";
import { openRpcSession } from "../support/rpc_session.ts";
import { type SpawnedGateway, spawnGateway } from "../support/spawn_gateway.ts";
import { until } from "../support/wait.ts";

const testMs = 120_000;
const words = "Error: THE_KEY environment variable is required";
const names = ["one", "two", "three", "four", "five", "six"];

/** Six servers that start slowly, and one that lacks its key; each writes a line for each start. */
function serversIn(folder: string) {
  const startsOf = (name: string) => `--start-file=${join(folder, `${name}.starts`)}`;
  const slow = names.map((name) => [
    name,
    // A spare would be one more start.
    { ...hostileCommand("--init=slow:800", startsOf(name)), spare: false },
  ]);
  // Its words must not be in its arguments, whose values clients do not see.
  const program = join(folder, "nokey.sh");
  writeFileSync(program, `echo "${words}" >&2; exit 1`);
  return Object.fromEntries([...slow, ["nokey", { command: "sh", args: [program] }]]);
}

const startsOf = (folder: string, name: string): number => {
  const path = join(folder, `${name}.starts`);
  return existsSync(path) ? readFileSync(path, "utf8").trim().split("\n").length : 0;
};

const open = (env: Record<string, string> = {}): Promise<SpawnedGateway> =>
  spawnGateway({
    prepare(folder) {
      const config = JSON.stringify({ mcpServers: serversIn(folder) });
      writeFileSync(join(folder, "mcp.json"), config);
    },
    env,
  });

describe("servers that were never seen before", () => {
  let gateway: SpawnedGateway;
  beforeAll(async () => {
    gateway = await open();
  }, testMs);
  afterAll(() => gateway?.dispose());

  test("are all in the first list of a client that lists once and leaves", async () => {
    const session = await openRpcSession(`${gateway.url}/mcp`);
    const { result } = await session.request(1, "tools/list");
    const tools = (result?.["tools"] ?? []) as { name: string }[];
    for (const name of names) {
      expect(tools.filter((tool) => tool.name === `${name}__echo`).length).toBe(1);
    }
    const missing = (result?.["_meta"] as Record<string, unknown>)["mcp-wrapper/unavailable"];
    expect(missing).toEqual([{ name: "nokey", reason: expect.stringContaining(words) }]);
    await session.end();
  }, testMs);

  test("were each started once, and the log has a line for each", async () => {
    await until(
      "the log has them all",
      () => names.every((name) => gateway.log().includes(` ${name}: `)),
    );
    expect(names.map((name) => startsOf(gateway.directory, name))).toEqual(names.map(() => 1));
    for (const name of names) {
      const lines = gateway.log().split("\n").filter((line) => line.includes(` ${name}: `));
      expect(lines.length).toBe(1);
      expect(lines[0]).toMatch(
        /: \d+ tools, 1 prompt, 2 resources, 1 template \(\d+\.\d s, \d+ KB\)/,
      );
    }
    expect(gateway.log()).toContain(words);
  }, testMs);

  test("that fail are degraded in /health, and the operator sees why", async () => {
    const healthOf = async (headers: Record<string, string> = {}) => {
      const response = await fetch(`${gateway.url}/health`, { headers });
      expect(response.status).toBe(200);
      return await response.json() as { degraded: string[]; servers: Record<string, unknown>[] };
    };
    const plain = await healthOf();
    expect(plain.degraded).toEqual(["nokey"]);
    expect(JSON.stringify(plain)).not.toContain("THE_KEY");
    const file = join(gateway.directory, "data/operator.token");
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const token = readFileSync(file, "utf8");
    const { servers } = await healthOf({ authorization: `Bearer ${token}` });
    expect(servers.find(({ name }) => name === "nokey")).toMatchObject({
      state: expect.stringMatching(/^(?:failing|crash_loop)$/),
      error: "upstream_unavailable",
      lastError: expect.stringContaining(words),
    });
    expect(servers.find(({ name }) => name === "one")).toMatchObject({ tools: 14 });
  }, testMs);

  test("do not start with the next start of the gateway, and are still all listed", async () => {
    const before = names.map((name) => startsOf(gateway.directory, name));
    expect(await gateway.stop()).toBe(0);
    await gateway.restart();
    // A server is queued until it is found to be known.
    await until("no server is queued", async () => {
      const { servers } = await (await fetch(`${gateway.url}/health`)).json() as {
        servers: { name: string; state: string }[];
      };
      const states = servers.filter(({ name }) => name !== "nokey").map(({ state }) => state);
      return states.every((state) => state === "idle");
    });
    expect(names.map((name) => startsOf(gateway.directory, name))).toEqual(before);
  }, testMs);
});

describe("servers that start while their first client waits", () => {
  for (const { name, open: connect } of clientKinds) {
    test(`are listed for ${name} as soon as they are up, without reconnecting`, async () => {
      const gateway = await open();
      try {
        const client = await connect(gateway.url);
        const areThere = async () => {
          const listed = await client.toolNames();
          return names.every((server) => listed.includes(`${server}__echo`));
        };
        await until("all are listed", areThere);
        await client.close();
      } finally {
        await gateway.dispose();
      }
    }, testMs);
  }
});

test("MCP_TRY_SERVERS=off starts nothing before a client needs it", async () => {
  const gateway = await open({ MCP_TRY_SERVERS: "off" });
  try {
    const { servers } = await (await fetch(`${gateway.url}/health`)).json() as {
      servers: { state: string }[];
    };
    expect(new Set(servers.map(({ state }) => state))).toEqual(new Set(["idle"]));
    const session = await openRpcSession(`${gateway.url}/servers/one/mcp`);
    expect((await session.request(1, "tools/list")).error).toBe(undefined);
    await session.end();
    expect(startsOf(gateway.directory, "one")).toBe(1);
    expect(startsOf(gateway.directory, "two")).toBe(0);
  } finally {
    await gateway.dispose();
  }
}, testMs);
