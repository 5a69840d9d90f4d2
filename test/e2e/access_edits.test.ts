/**
 * `access` and `auth` of `mcp.json`, edited while the gateway runs: rights follow a good edit at
 * once, and a bad one changes nothing (a row with a fault could open what it was meant to close).
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { runHereJson } from "../support/run_cli.ts";
import { initialize, jsonHeaders } from "../support/http_harness.ts";
import { programCommand, type SpawnedGateway, spawnGateway } from "../support/spawn_gateway.ts";
import { until } from "../support/wait.ts";

const testMs = 60_000;
const child = programCommand("test/fault/hostile_child.ts");
const mcpServers = { open: child, closed: child };
const good = [{ key: "one", servers: "open", tools: "echo", what: "allow" }];
const secret = "closed";

let gateway: SpawnedGateway;
let key: string;
let session: Record<string, string>;

function write(directory: string, rest: object): void {
  writeFileSync(join(directory, "mcp.json"), JSON.stringify({ mcpServers, ...rest }));
}

const auth = { key: {} };

beforeAll(async () => {
  gateway = await spawnGateway({
    env: { MCP_ADMIN_PORT: "0" },
    prepare: (directory) => write(directory, { auth, access: good }),
  });
  const file = join(gateway.directory, "data", "gateway.json");
  await until("the gateway can be found", () => existsSync(file));
  const here = { cwd: gateway.directory };
  ({ key } = await runHereJson(["keys", "add", "one"], here) as { key: string });
  const opened = await post(initialize("2025-11-25"));
  session = { "mcp-session-id": opened.headers.get("mcp-session-id") ?? "" };
}, testMs);
afterAll(() => gateway.dispose(), testMs);

const post = (body: unknown, headers: Record<string, string> = {}, shown = key) =>
  fetch(`${gateway.url}/mcp`, {
    method: "POST",
    headers: { ...jsonHeaders, authorization: `Bearer ${shown}`, ...headers },
    body: JSON.stringify(body),
  });

/** What the tools list of the open session holds, as text. */
async function listed(): Promise<string> {
  const response = await post({ jsonrpc: "2.0", id: 1, method: "tools/list" }, session);
  expect(response.status).toBe(200);
  return await response.text();
}

/** How often the log says this. */
const count = (text: string): number => gateway.log().split(text).length - 1;

/** Writes the file and waits until the gateway says what it made of it. */
async function edit(rest: object | string, said: string): Promise<void> {
  const before = count(said);
  if (typeof rest === "string") writeFileSync(join(gateway.directory, "mcp.json"), rest);
  else write(gateway.directory, rest);
  await until(`the log says "${said}"`, () => count(said) > before);
}

describe("while the gateway runs", () => {
  const bad: readonly (readonly [string, object | string])[] = [
    ["an unknown key in a row", { auth, access: [{ keys: "one", what: "allow" }] }],
    ["a row that is no object", { auth, access: [...good, "allow"] }],
    ["an unknown decision", { auth, access: [{ key: "one", what: "permit" }] }],
    ["no rows", { auth, access: [] }],
    ["rows that are no list", { auth, access: { what: "allow" } }],
    ["half a file", '{"mcpServers": {}, "access": [{"what": "allow"}'],
  ];
  for (const [name, rest] of bad) {
    test(`${name} leaves all rights as they are`, async () => {
      await edit(rest, "the running one stays");
      const text = await listed();
      expect(text).toContain("open__echo");
      expect(text).not.toContain(secret);
      expect(text).not.toContain("open__crash");
    }, testMs);
  }

  test("a good row narrows and widens the rights of an open session", async () => {
    await edit({ auth, access: [{ key: "two", what: "allow" }] }, "again");
    expect(await listed()).toContain('"tools":[]');
    await edit({ auth, access: [{ key: "one", what: "allow" }] }, "again");
    expect(await listed()).toContain("closed__echo");
    await edit({ auth, access: good }, "again");
    expect(await listed()).not.toContain(secret);
  }, testMs);

  test("a row that names no configured server is a warning", async () => {
    const rows = [{ servers: ["opn", "o*"], what: "deny" }, ...good];
    const said = 'access[0] in mcp.json names server "opn", which is not configured; ' +
      'did you mean "open"?';
    await edit({ auth, access: rows }, said);
    expect(count('names server "o*"')).toBe(0);
    await edit({ auth, access: good }, "again");
  }, testMs);

  test("a removal of all rows is a warning", async () => {
    await edit({ auth }, "access was removed from mcp.json");
    expect(await listed()).toContain("closed__echo");
    await edit({ auth, access: good }, "again");
  }, testMs);

  test("without auth in the file, clients authenticate as before", async () => {
    await edit({ access: good }, "restart the gateway for that to take effect");
    expect((await post(initialize("2025-11-25"), {}, "mcpk_unknown")).status).toBe(401);
    expect(await listed()).not.toContain(secret);
  }, testMs);
});
