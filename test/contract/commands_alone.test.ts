/** The commands while no gateway runs: they use the files themselves, and start what they need. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import type { ListedServer } from "../../src/cli/server_steering.ts";
import { createTestRuntime } from "../support/fake_runtime.ts";
import { type CliOptions, runCli, runHere, runHereJson } from "../support/run_cli.ts";
import { programCommand } from "../support/spawn_gateway.ts";

const handy = programCommand("test/support/handy_child.ts", ["Handy One"]);
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "mcp-wrapper-alone-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));
beforeEach(() => {
  rmSync(join(folder, "data"), { recursive: true, force: true });
  write({ handy, broken: { command: "no-such-program" }, off: { ...handy, disabled: true } });
});

const path = () => join(folder, "mcp.json");
const write = (mcpServers: unknown) => writeFileSync(path(), JSON.stringify({ mcpServers }));
const here = (options: Partial<CliOptions> = {}): CliOptions => ({ cwd: folder, ...options });
const run = (...args: string[]) => runHere(args, here());
/** As a process: each command once. */
const spawn = (...args: string[]) => runCli(args, here());

test("commands that need a gateway say that none runs, and how to start one", async () => {
  for (const args of [["status"], ["restart", "handy"]]) {
    const { code, stdout, stderr } = await spawn(...args);
    expect([args, code, stdout]).toEqual([args, 4, ""]);
    expect(stderr).toContain("start one with mcp-wrapper start");
  }
  expect(existsSync(join(folder, "data"))).toBe(false);
});

test("list shows the servers of mcp.json and makes no file", async () => {
  const { stdout } = await spawn("list");
  expect(stdout).toMatch(/^NAME +KIND +FROM +ENABLED +TARGET$/m);
  expect(stdout).toMatch(/^handy +stdio +mcp\.json +yes +\S+ \S/m);
  expect(stdout).toMatch(/^off +stdio +mcp\.json +no$/m);
  expect(existsSync(join(folder, "data"))).toBe(false);
  expect(await runHereJson(["list"], here())).toMatchObject({ running: false, config: path() });
});

test("list shows what each server is, without its secrets", async () => {
  const token = "s3cret-0f-the-shelf";
  const recipe = { title: "Mine", description: "Mine.", baseUrl: "https://api.example.com" };
  const endpoints = [{ name: "all", description: "Lists all.", path: "/all" }];
  writeFileSync(join(folder, "mine.json"), JSON.stringify({ ...recipe, endpoints }));
  const targets = {
    local: [{ command: "/opt/bin/npx", args: ["-y", "--token", token, "@me/x", "y"] }, "npx @me/x"],
    shown: [
      { command: "tool", args: [`in-${token}`], env: { API_TOKEN: token } },
      "tool in-[redacted]",
    ],
    plain: [{ command: "uvx" }, "uvx"],
    remote: [{ url: `https://example.com:8443/mcp?key=${token}` }, "https://example.com:8443"],
    web: [{ recipe: "./mine.json" }, "Mine"],
    api: [{ openapi: "./shop.yaml", baseUrl: "https://shop.example" }, "shop.yaml"],
    hosted: [{ openapi: `https://example.com/${token}.json` }, "https://example.com"],
    wrong: [{ command: 5 }, undefined],
  } as const;
  writeFileSync(join(folder, "shop.yaml"), "openapi: 3.1.0\n");
  write(Object.fromEntries(Object.entries(targets).map(([name, [entry]]) => [name, entry])));
  const { servers } = await runHereJson(["list"], here()) as { servers: ListedServer[] };
  expect(Object.fromEntries(servers.map(({ name, target }) => [name, target]))).toEqual(
    Object.fromEntries(Object.entries(targets).map(([name, [, target]]) => [name, target])),
  );
  const { stdout } = await run("list");
  expect(stdout).toMatch(/^local +stdio +mcp\.json +yes +npx @me\/x$/m);
  expect(stdout).not.toContain(token);
});

test("a tool is listed and called by a gateway in the command's own process", async () => {
  expect((await spawn("tools", "handy")).stdout).toContain("echo(text)\n");
  expect(await spawn("call", "handy", "echo", '{"text": "hi"}'))
    .toEqual({ code: 0, stdout: "hi\n", stderr: "" });
  expect((await run("call", "handy", "ecko")).code).toBe(3);
  expect((await run("call", "hany", "echo")).stderr)
    .toBe('Cannot find server "hany"; did you mean "handy"?\n');
});

test("test says whether a server works, and shows what one that does not said", async () => {
  expect((await spawn("test", "handy")).stdout).toMatch(/^handy works: it answered in /);
  const broken = await run("test", "broken");
  expect(broken.code).toBe(1);
  expect(broken.stdout).toContain('program "no-such-program" is not on PATH; install it');
  write({ loud: { command: "sh", args: ["-c", "echo 'no token' >&2; exit 3"] } });
  const loud = await run("test", "loud");
  expect(loud.code).toBe(1);
  expect(loud.stdout).toContain("exited with code 3");
  expect(loud.stdout).toContain("no token");
  write({ wrong: { command: "x", url: "http://y" } });
  const wrong = await run("test", "wrong");
  expect(wrong.code).toBe(1);
  expect(wrong.stdout).toContain("a server has either a command or a url");
});

describe("add", () => {
  test("keeps a server in the registry for the next gateway and for commands", async () => {
    const { command, args } = handy;
    const added = await spawn("add", "own", "--", command, ...args);
    expect([added.code, added.stderr]).toEqual([0, ""]);
    expect(added.stdout).toContain("no gateway runs, the next one has it");
    expect((await run("list")).stdout).toMatch(/^own +stdio +registry +yes +\S+ \S/m);
    expect((await run("call", "own", "echo", '{"text": "hi"}')).stdout).toBe("hi\n");
    expect((await spawn("disable", "own")).code).toBe(0);
    expect((await run("call", "own", "echo", "{}")).code).toBe(1);
    expect((await spawn("remove", "own")).code).toBe(0);
    expect((await run("list")).stdout).not.toContain("own");
  });

  test("--file makes an mcp.json that only its owner can read", async () => {
    rmSync(path());
    const entry = ["docs", "https://example.com/mcp", "--header", "X-Team: blue"];
    const { code, stderr } = await runHere(
      ["add", ...entry, "--file"],
      here({
        env: { MCP_CONFIG: path() },
      }),
    );
    expect([code, stderr]).toEqual([0, ""]);
    expect(JSON.parse(readFileSync(path(), "utf8"))).toEqual({
      mcpServers: { docs: { url: "https://example.com/mcp", headers: { "X-Team": "blue" } } },
    });
    expect(statSync(path()).mode & 0o777).toBe(0o600);
    expect(existsSync(join(folder, "data"))).toBe(false);
  });

  test("takes recipes and OpenAPI documents, relative to the current folder", async () => {
    const document = { openapi: "3.0.0", info: { title: "x", version: "1" }, paths: {} };
    writeFileSync(join(folder, "shop.json"), JSON.stringify(document));
    const all = [
      ["prices", "--recipe", "coingecko"],
      ["shop", "--openapi", "./shop.json", "--base-url", "https://api.example.com"],
      ["mine", "--cwd", "sub", "--", "./run.sh", "./data.txt"],
    ];
    mkdirSync(join(folder, "sub"), { recursive: true });
    for (const args of all) {
      const { code, stderr } = await run("add", "--file", ...args);
      expect([args, code, stderr]).toEqual([args, 0, ""]);
    }
    expect(JSON.parse(readFileSync(path(), "utf8")).mcpServers).toMatchObject({
      prices: { recipe: "coingecko" },
      shop: { openapi: join(folder, "shop.json"), baseUrl: "https://api.example.com" },
      mine: { command: join(folder, "run.sh"), args: ["./data.txt"], cwd: join(folder, "sub") },
    });
  });

  test("refuses a server that could not be used, and writes nothing", async () => {
    const before = readFileSync(path(), "utf8");
    const { code, stdout, stderr } = await run("add", "--file", "x", "--", "${nothing}");
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toContain("nothing");
    expect(readFileSync(path(), "utf8")).toBe(before);
  });
});

test("backup without a gateway copies the database as it is, and converts nothing", async () => {
  const runtime = await createTestRuntime();
  mkdirSync(join(folder, "data"), { recursive: true });
  const source = join(folder, "data/mcp-wrapper.db");
  const older = runtime.openDatabase(source);
  older.exec(
    readFileSync(join(import.meta.dirname ?? "", "../corpus/databases/version-7.sql"), "utf8"),
  );
  older.close();
  const copy = join(folder, "older.db");
  rmSync(copy, { force: true });
  expect((await run("backup", "older.db")).code).toBe(0);
  expect(statSync(copy).mode & 0o777).toBe(0o600);
  for (const path of [source, copy]) {
    const database = runtime.openDatabase(path);
    expect(database.prepare("PRAGMA user_version").get()).toEqual({ user_version: 7 });
    expect(database.prepare("SELECT count(*) AS n FROM sessions").get()).toEqual({ n: 2 });
    database.close();
  }
  expect(readdirSync(join(folder, "data"))).toEqual(["mcp-wrapper.db"]);
  for (const damage of ["", "no database, and long enough to be one".repeat(200)]) {
    writeFileSync(source, damage);
    const { code, stderr } = await run("backup", "damaged.db");
    expect([code, stderr]).toEqual([1, expect.stringContaining("Cannot copy the database")]);
    expect(existsSync(join(folder, "damaged.db"))).toBe(false);
    expect(readFileSync(source, "utf8")).toBe(damage);
  }
  expect(readdirSync(join(folder, "data"))).toEqual(["mcp-wrapper.db"]);
});

test("backup and logs say that there is nothing yet", async () => {
  for (const args of [["backup", "x.db"], ["logs"]]) {
    const { code, stdout } = await spawn(...args);
    expect([args, code, stdout]).toEqual([args, 3, ""]);
  }
  await run("add", "own", "--", handy.command);
  expect((await spawn("backup", "x.db")).code).toBe(0);
  expect(statSync(join(folder, "x.db")).mode & 0o777).toBe(0o600);
  expect((await run("backup", "x.db")).code).toBe(1);
  rmSync(join(folder, "x.db"));
});

describe("gateway.json", () => {
  const leave = (file: object) => {
    mkdirSync(join(folder, "data"), { recursive: true });
    writeFileSync(join(folder, "data", "owner.token"), "the-token-of-the-owner");
    const whole = {
      url: "http://127.0.0.1:1",
      version: "0",
      startedAt: "",
      instance: "x",
      ...file,
    };
    writeFileSync(join(folder, "data", "gateway.json"), JSON.stringify(whole));
  };

  test("a program that took the port of a dead gateway never sees the token", async () => {
    const seen: string[] = [];
    const stranger = createServer((request, response) => {
      seen.push(`${request.method} ${request.url} ${request.headers.authorization}`);
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify({ proof: "0".repeat(64) }));
    });
    await new Promise<void>((resolve) => stranger.listen(0, "127.0.0.1", resolve));
    const { port } = stranger.address() as AddressInfo;
    leave({ pid: process.pid, adminUrl: `http://127.0.0.1:${port}` });
    expect((await run("status")).code).toBe(4);
    await new Promise((resolve) => stranger.close(resolve));
    expect(seen).toHaveLength(1);
    expect(seen[0]).toMatch(/^GET \/admin\/hello\?nonce=[\w-]+ undefined$/);
  });

  test("a killed gateway's file counts as none; one without an admin API is named", async () => {
    leave({ pid: 2 ** 22 + 1, adminUrl: "http://127.0.0.1:1" });
    expect((await run("status")).code).toBe(4);
    leave({ pid: process.pid });
    const { code, stderr } = await run("status");
    expect([code, stderr.includes("MCP_ADMIN=off")]).toEqual([1, true]);
    writeFileSync(join(folder, "data", "gateway.json"), "{");
    expect((await run("status")).code).toBe(4);
  });
});

test("add --json does not repeat secrets, and keeps references to variables", async () => {
  const add = async (...args: string[]) => {
    const { stdout } = await runHere(["add", "--json", ...args], here({ env: { MINE: "m" } }));
    return JSON.parse(stdout).entry;
  };
  const secret = "t0ken-of-mine";
  const env = ["--env", `API_TOKEN=${secret}`, "--env", "OTHER_TOKEN=${MINE}", "--env", "LEVEL=2"];
  expect(
    await add(
      "a",
      ...env,
      "--",
      "x",
      "--api-key",
      secret,
      `--key=${secret}`,
      `--db=pg://a:${secret}@b/c`,
    ),
  ).toEqual({
    command: "x",
    args: ["--api-key", "…", "--key=…", "--db=pg://a:…@b/c"],
    env: { API_TOKEN: "…", OTHER_TOKEN: "${MINE}", LEVEL: "2" },
  });
  const headers = [
    ...["--header", `Authorization: Bearer ${secret}`, "--header", "X-Key: ${MINE}"],
    ...["--header", `Cookie: a=\${MINE}; b=${secret}`, "--header", "Accept-Language: en"],
  ];
  expect(await add("b", "https://example.com/mcp", ...headers)).toEqual({
    url: "https://example.com/mcp",
    headers: {
      "Authorization": "Bearer …",
      "X-Key": "${MINE}",
      "Cookie": "…${MINE}…",
      "Accept-Language": "en",
    },
  });
});
