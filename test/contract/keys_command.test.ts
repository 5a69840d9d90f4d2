/** `keys`: against the store while no gateway runs, and against a running gateway. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type CliOptions, runCli, runHere, runHereJson } from "../support/run_cli.ts";
import { initialize, jsonHeaders } from "../support/http_harness.ts";
import { type SpawnedGateway, spawnGateway } from "../support/spawn_gateway.ts";
import { until } from "../support/wait.ts";

const testMs = 60_000;

interface Made {
  readonly name: string;
  readonly key: string;
}
interface Listed {
  readonly keys: readonly { readonly name: string; readonly [member: string]: unknown }[];
}

describe("while no gateway runs", () => {
  let folder: string;
  let here: CliOptions;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "mcp-wrapper-keys-command-"));
    writeFileSync(join(folder, "mcp.json"), '{"mcpServers": {}}');
    here = { cwd: folder };
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test("listing makes no database", async () => {
    expect((await runHere(["keys", "list"], here)).stdout).toContain("No key exists");
    expect(await runHereJson(["keys", "list"], here)).toEqual({ keys: [] });
    expect(existsSync(join(folder, "data"))).toBe(false);
  });

  test("a key is shown once, alone on stdout, and what it needs on stderr", async () => {
    const { code, stdout, stderr } = await runCli(["keys", "add", "laptop"], here);
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^mcpk_[\w-]{43}\n$/)]);
    expect(stderr).toContain("Authorization: Bearer KEY");
    expect(stderr).toContain("Keys have no effect yet: set MCP_AUTH=key.");
    const list = await runHere(["keys", "list"], here);
    expect(list.stdout).toMatch(/^laptop +- +all +all +never +never$/m);
    expect(list.stdout + list.stderr).not.toContain(stdout.trim());
  }, testMs);

  test("a key has the servers, tools, roles and expiry that were named", async () => {
    const before = Date.now();
    const made = await runHereJson([
      ...["keys", "add", "ci", "--servers", "files, docs*,", "--tools", "read_*"],
      ...["--role", "reader", "--role", "night", "--expires", "90d"],
    ], { ...here, env: { MCP_AUTH: "key" } }) as Made;
    expect(Object.keys(made)).toEqual(["name", "key"]);
    const { keys } = await runHereJson(["keys", "list"], here) as Listed;
    const { expiresAt, createdAt, ...ci } = keys.find(({ name }) => name === "ci") ?? { name: "" };
    expect(ci).toEqual({
      name: "ci",
      roles: ["reader", "night"],
      servers: ["files", "docs*"],
      tools: ["read_*"],
      isExpired: false,
    });
    const days = (Date.parse(String(expiresAt)) - before) / 86_400_000;
    expect([Math.floor(days), Date.parse(String(createdAt)) >= before]).toEqual([90, true]);
  });

  test("a date alone begins at 00:00 UTC", async () => {
    await runHere(["keys", "add", "dated", "--expires", "2999-12-31"], here);
    const { keys } = await runHereJson(["keys", "list"], here) as Listed;
    expect(keys.find(({ name }) => name === "dated")?.["expiresAt"])
      .toBe("2999-12-31T00:00:00.000Z");
  });

  test("a key is revoked by its name", async () => {
    await runHere(["keys", "add", "short"], here);
    expect((await runHere(["keys", "revoke", "short"], here)).stdout).toBe('Revoked key "short"\n');
    const again = await runHere(["keys", "revoke", "short"], here);
    expect([again.code, again.stderr]).toEqual([3, expect.stringContaining("Cannot find key")]);
  });

  const wrong: readonly (readonly [string[], string])[] = [
    [["keys", "make"], 'Cannot read the action "make"; expected add, list, revoke'],
    [["keys", "add"], "Cannot find the NAME of the key"],
    [["keys", "revoke"], "Cannot find the NAME of the key"],
    [["keys", "add", "a b"], '"name" of a key'],
    [["keys", "add", "laptop"], "there is one of this name"],
    [["keys", "add", "x", "--servers", " , "], "Cannot use --servers"],
    [["keys", "add", "x", "--expires", "soon"], 'Cannot use --expires "soon"'],
    [["keys", "add", "x", "--expires", "0d"], "it is not in the future"],
    [["keys", "add", "x", "--expires", "2001-01-01"], "it is not in the future"],
    [["keys", "add", "x", "--expires", "2030-99-99"], "Cannot use --expires"],
  ];
  test("mistakes are usage errors that name them", async () => {
    for (const [args, words] of wrong) {
      const { code, stdout, stderr } = await runHere(args, here);
      expect([args, code, stdout]).toEqual([args, 2, ""]);
      expect(stderr).toContain(words);
    }
  });

  test("nothing is kept without a data folder", async () => {
    const env = { MCP_DATA_DIR: ":memory:" };
    const { code, stderr } = await runHere(["keys", "add", "x"], { ...here, env });
    expect([code, stderr]).toEqual([2, expect.stringContaining("name a folder")]);
  });
});

describe("against a running gateway", () => {
  let gateway: SpawnedGateway;
  let here: CliOptions;
  beforeAll(async () => {
    gateway = await spawnGateway({ servers: {}, env: { MCP_ADMIN_PORT: "0", MCP_AUTH: "key" } });
    here = { cwd: gateway.directory };
    const file = join(gateway.directory, "data", "gateway.json");
    await until("the gateway can be found", () => existsSync(file));
  }, testMs);
  afterAll(() => gateway.dispose(), testMs);

  const connect = async (key: string) => {
    const response = await fetch(`${gateway.url}/mcp`, {
      method: "POST",
      headers: { ...jsonHeaders, authorization: `Bearer ${key}` },
      body: JSON.stringify(initialize("2025-11-25")),
    });
    await response.text();
    return response.status;
  };

  test("a key works at once, until it is revoked, and after a kill and a restart", async () => {
    const advice = await runHere(["doctor"], here);
    expect(advice.stdout).toContain("No key is valid");
    const { key } = await runHereJson(["keys", "add", "one"], here) as Made;
    const made = await runHere(["keys", "add", "two"], here);
    expect(made.stderr).not.toContain("no effect");
    expect([await connect(key), await connect(made.stdout.trim())]).toEqual([200, 200]);
    const { stdout } = await runHere(["keys", "revoke", "two"], here);
    expect(stdout).toBe('Revoked key "two"; the gateway refuses it from now on\n');
    expect([await connect(key), await connect(made.stdout.trim())]).toEqual([200, 401]);
    const again = await runHere(["keys", "revoke", "two"], here);
    expect(again.code).toBe(3);
    expect((await runHere(["keys", "add", "one"], here)).code).toBe(2);
    await gateway.kill9();
    await gateway.restart();
    expect([await connect(key), await connect(made.stdout.trim())]).toEqual([200, 401]);
    expect(gateway.log()).not.toContain(key);
  }, testMs);

  const withNames = [
    ["keys", "revoke"],
    ["users", "remove"],
    ["clients", "revoke"],
    ["grants", "revoke"],
    ["restart"],
  ];
  for (const command of withNames) {
    test(`${command.join(" ")} finds nothing by a name that no URL can hold`, async () => {
      for (const name of ["", ".", ".."]) {
        const { code, stderr } = await runHere([...command, name], here);
        expect([name, code, stderr]).toEqual([name, 3, expect.stringContaining("Cannot find")]);
      }
    }, testMs);
  }

  test("only the owner's token changes keys; the operator's lists them", async () => {
    const { status } = await readAdmin("operator", "GET");
    const refused = await readAdmin("operator", "POST");
    expect([status, refused.status]).toEqual([200, 403]);
    expect((await readAdmin("none", "GET")).status).toBe(401);
  }, testMs);

  test("status, doctor and connect say that clients need a key", async () => {
    expect((await runHere(["status"], here)).stdout).toContain("clients authenticate by key");
    expect((await runHere(["doctor"], here)).stdout).toContain("Clients authenticate by key");
    const env = { MCP_AUTH: "key" };
    // The gateway that runs says so, too.
    expect((await runHere(["connect", "cursor"], here)).stderr).toContain("asks clients for a key");
    const plain = await runHere(["connect", "cursor"], { ...here, env });
    expect(plain.stderr).toContain("The gateway asks clients for a key");
    const header = ["--header", "Authorization=Bearer mcpk_x"];
    const keyed = await runHere(["connect", "cursor", ...header], { ...here, env });
    expect(keyed.stderr).not.toContain("asks clients for a key");
    expect(keyed.stdout).toContain("Bearer mcpk_x");
  }, testMs);

  /** A request to `/admin/keys` with one of the tokens of the data folder. */
  async function readAdmin(role: string, method: string) {
    const data = join(gateway.directory, "data");
    const { adminUrl } = JSON.parse(readFileSync(join(data, "gateway.json"), "utf8"));
    const token = role === "none" ? "x" : readFileSync(join(data, `${role}.token`), "utf8").trim();
    const response = await fetch(`${adminUrl}/admin/keys`, {
      method,
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      ...(method === "POST" ? { body: '{"name": "x"}' } : {}),
    });
    return { status: response.status, text: await response.text() };
  }
});
