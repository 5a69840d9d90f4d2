/** The commands against a running gateway: what a person at a shell sees, and what scripts get. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import {
  type CliOptions,
  hasTerminals,
  runCli,
  runHere,
  runHereJson,
  startCli,
  untilPrinted,
} from "../support/run_cli.ts";
import { programCommand, type SpawnedGateway, spawnGateway } from "../support/spawn_gateway.ts";
import { until } from "../support/wait.ts";

const handy = (title: string) => programCommand("test/support/handy_child.ts", [title]);
let gateway: SpawnedGateway;
let locked: Server;
let lockedUrl: string;

beforeAll(async () => {
  locked = createServer((_request, response) => {
    response.writeHead(401, { "www-authenticate": 'Bearer realm="x"' }).end();
  });
  await new Promise<void>((resolve) => locked.listen(0, "127.0.0.1", resolve));
  lockedUrl = `http://127.0.0.1:${(locked.address() as AddressInfo).port}/mcp`;
  gateway = await spawnGateway({
    servers: {
      handy: handy("Handy One"),
      broken: { command: "no-such-program" },
      locked: { url: lockedUrl },
      off: { ...handy("Off"), disabled: true },
    },
    env: { MCP_ADMIN_PORT: "0" },
  });
  const file = join(gateway.directory, "data", "gateway.json");
  await until("the gateway can be found", () => existsSync(file));
});

afterAll(async () => {
  await gateway.dispose();
  await new Promise((resolve) => locked.close(resolve));
});

const here = (options: Partial<CliOptions> = {}): CliOptions => ({
  cwd: gateway.directory,
  ...options,
});
const run = (...args: string[]) => runHere(args, here());
/** As a process: each command once, and what only a process shows. */
const spawn = (...args: string[]) => runCli(args, here());

/** The value of `status --json` that is looked at here. */
interface StatusJson {
  readonly url: string;
  readonly pid: number;
  readonly servers: readonly { readonly name: string; readonly state: string }[];
}

const stateOf = async (name: string): Promise<string | undefined> =>
  (await runHereJson<StatusJson>(["status"], here())).servers.find((one) => one.name === name)
    ?.state;

describe("status", () => {
  test("shows the gateway, each server's state, and what to do about broken ones", async () => {
    await until("the servers are tried", async () => await stateOf("locked") === "needs_login");
    const { code, stdout, stderr } = await spawn("status");
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toContain(`at ${gateway.url}/mcp`);
    expect(stdout).toMatch(/^handy +running +(?:now|\d+ s ago) +6 +0 +0 +-$/m);
    expect(stdout).toMatch(/^off +disabled/m);
    expect(stdout).toMatch(/^locked +needs log-in/m);
    expect(stdout).toContain('broken: program "no-such-program" is not on PATH');
    expect(stdout).toContain("Log in: mcp-wrapper auth login locked");
  });

  test("--json is one value, with the state of each server", async () => {
    const { pid, servers } = await runHereJson<StatusJson>(["status"], here());
    expect(pid).toBe(gateway.pid);
    expect(servers.map(({ name }) => name).sort()).toEqual(["broken", "handy", "locked", "off"]);
    expect(await runHereJson(["status", "handy"], here())).toMatchObject({
      name: "handy",
      enabled: true,
      tools: 6,
      serverInfo: { name: "Handy One", version: "1.2.3" },
    });
  });

  test("a misspelt server is not found, and the nearest one is named", async () => {
    const { code, stdout, stderr } = await run("status", "hndy", "--json");
    expect([code, stdout]).toEqual([3, ""]);
    expect(JSON.parse(stderr)).toEqual({
      error: { code: "notFound", message: 'Cannot find server "hndy"; did you mean "handy"?' },
    });
  });
});

describe("tools and call", () => {
  test("tools are listed with their arguments, those of all servers under their full names", async () => {
    expect((await run("tools", "handy")).stdout).toContain("echo(text)\n  Says it again.\n");
    expect((await spawn("tools")).stdout).toContain("handy__echo(text)\n");
    const { tools } = await runHereJson<{ tools: { name: string }[] }>(["tools", "handy"], here());
    expect(tools.map(({ name }) => name)).toEqual([
      "echo",
      "fail",
      "steps",
      "greet",
      "picture",
      "wait",
    ]);
  });

  test("a call prints the text of its result; arguments may come from stdin", async () => {
    const text = '{"text": "hi\\nthere"}';
    expect(await spawn("call", "handy", "echo", text))
      .toEqual({ code: 0, stdout: "hi\nthere\n", stderr: "" });
    expect((await runHere(["call", "handy", "echo", "-"], here({ input: text }))).stdout)
      .toBe("hi\nthere\n");
    expect(await runHereJson(["call", "handy", "echo", text], here()))
      .toMatchObject({ content: [{ type: "text", text: "hi\nthere" }] });
    expect((await run("call", "handy", "picture")).stdout)
      .toBe("[image image/png 3 bytes; --json shows it]\n");
  });

  test("an error of the tool is its result, with exit code 1", async () => {
    expect(await run("call", "handy", "fail"))
      .toEqual({ code: 1, stdout: "It went wrong\n", stderr: "" });
  });

  test("a call that cannot be made says why, with the exit code for its reason", async () => {
    const refusals: readonly (readonly [string[], number, string])[] = [
      [["handy", "ecko"], 3, 'Cannot find tool "ecko"; did you mean "echo"?'],
      [["handy", "echo"], 2, "Cannot call echo without text"],
      [["handy", "echo", "{text: 1}"], 2, "Cannot read the arguments as JSON"],
      [["off", "echo"], 1, 'Cannot use server "off": it is disabled'],
      [["broken", "echo"], 1, 'program "no-such-program" is not on PATH'],
    ];
    for (const [args, expected, words] of refusals) {
      const { code, stdout, stderr } = await run("call", ...args);
      expect([args, code, stdout]).toEqual([args, expected, ""]);
      expect(stderr).toContain(words);
    }
  });

  test.skipIf(!hasTerminals)(
    "on a terminal progress is shown, and questions are asked",
    async () => {
      const steps = await runCli(["call", "handy", "steps"], here({ onTerminal: true }));
      expect(steps.stdout).toMatch(/3 of 3: step 3 \(\d/);
      expect(steps.stdout).toMatch(/all steps\r?\n$/);
      const call = startCli(["call", "handy", "greet"], here({ onTerminal: true }));
      await untilPrinted(call, /The server asks: Who are you\?[^]*Answer it\? \[y\/N\]/);
      call.write("y\n");
      await untilPrinted(call, /Your name \(string\):/);
      call.write("A\n");
      await untilPrinted(call, /Expected at least 2 characters/);
      call.write("Ann\n");
      await untilPrinted(call, /1\) small[^]*2\) large[^]*size \(number; empty: "small"\):/);
      call.write("2\n");
      const { code, stdout } = await call.ended;
      expect(stdout).toContain('{"action":"accept","content":{"name":"Ann","size":"large"}}');
      expect(code).toBe(0);
    },
  );

  test("off a terminal the server cannot ask", async () => {
    expect(await run("call", "handy", "greet"))
      .toEqual({ code: 1, stdout: "no person to ask\n", stderr: "" });
  });

  test("Ctrl-C cancels a call at its server", async () => {
    const file = join(gateway.directory, "waited");
    const noted = () => existsSync(file) ? readFileSync(file, "utf8") : "";
    const call = startCli(["call", "handy", "wait", JSON.stringify({ file })], here());
    await until("the call runs", () => noted() === "begun ");
    call.signal("SIGINT");
    const { code, stdout } = await call.ended;
    expect([code, stdout]).toEqual([130, ""]);
    await until("the server knows", () => noted() === "begun cancelled ");
  });
});

describe("test", () => {
  test("says that a server works, and what it offers", async () => {
    const { code, stdout } = await spawn("test", "handy");
    expect(code).toBe(0);
    expect(stdout).toMatch(/^handy works: it answered in .*\n {2}server +Handy One 1\.2\.3\n/);
    expect(stdout).toContain("6 tools, 1 prompt, 0 resources");
  });

  test("says what is wrong with one that does not, and what to do", async () => {
    const broken = await run("test", "broken");
    expect(broken.code).toBe(1);
    expect(broken.stdout).toContain('program "no-such-program" is not on PATH; install it');
    expect(broken.stdout).toContain("mcp-wrapper logs broken");
    const outcome = await runHere(["test", "locked", "--json"], here());
    expect(outcome.code).toBe(1);
    expect(JSON.parse(outcome.stdout)).toMatchObject({ works: false });
    expect(outcome.stdout).toContain("mcp-wrapper auth login locked");
  });
});

describe("the registry", () => {
  test("a server is added, works at once, is switched off and on, and is removed", async () => {
    const { command, args } = handy("--odd");
    const words = [...args, "--json", "--", "-y"];
    expect((await spawn("add", "own", "--", command, ...words)).stdout)
      .toContain('Added server "own" to the registry\n');
    expect((await spawn("list")).stdout).toMatch(/^own +stdio +registry +yes +\S+ \S/m);
    expect((await run("test", "own")).stdout).toContain("server    --odd 1.2.3");
    const again = await run("add", "own", "--", command);
    expect([again.code, again.stderr]).toEqual([
      2,
      'Cannot add server "own": the registry has one of this name; use --replace, or another name\n',
    ]);
    expect((await run("add", "own", "--replace", lockedUrl)).code).toBe(0);
    expect((await run("list")).stdout).toMatch(
      new RegExp(`^own +http +registry +yes +${new URL(lockedUrl).origin}$`, "m"),
    );
    expect((await spawn("disable", "own")).code).toBe(0);
    expect(await stateOf("own")).toBe("disabled");
    expect((await run("disable", "own")).stdout).toBe('Server "own" is disabled already\n');
    expect((await spawn("enable", "own")).code).toBe(0);
    expect(await stateOf("own")).not.toBe("disabled");
    expect((await spawn("remove", "own")).code).toBe(0);
    expect(await stateOf("own")).toBe(undefined);
    expect((await run("remove", "own")).code).toBe(3);
  });

  test("an entry that cannot work is refused with the reason", async () => {
    const { code, stderr } = await run("add", "bad", "https://user:secret@example.com/mcp");
    expect(code).toBe(2);
    expect(stderr).toContain('"bad"');
    expect(stderr).not.toContain("secret@");
    expect(await stateOf("bad")).toBe(undefined);
  });
});

describe("mcp.json", () => {
  const text = () => readFileSync(join(gateway.directory, "mcp.json"), "utf8");

  test("belongs to its owner: without --file nothing changes, and the place is named", async () => {
    const before = text();
    const path = join(gateway.directory, "mcp.json");
    for (const args of [["remove", "handy"], ["disable", "handy"], ["add", "handy", "--", "x"]]) {
      const { code, stderr } = await run(...args);
      expect([args, code]).toEqual([args, 2]);
      expect(stderr).toContain(path);
      expect(stderr).toContain("--file");
    }
    expect(text()).toBe(before);
  });

  test("with --file one place changes, and the gateway has it at once", async () => {
    const before = text();
    const added = await run(
      "add",
      "filed",
      "--file",
      "--env",
      "A=b=c",
      "--",
      "no-such",
      "-x",
      "--",
    );
    expect([added.code, added.stderr]).toEqual([0, ""]);
    expect(JSON.parse(text()).mcpServers.filed)
      .toEqual({ command: "no-such", args: ["-x", "--"], env: { A: "b=c" } });
    expect(await stateOf("filed")).toBeDefined();
    expect((await run("disable", "filed", "--file")).code).toBe(0);
    expect(await stateOf("filed")).toBe("disabled");
    expect((await run("enable", "filed", "--file")).code).toBe(0);
    expect((await run("remove", "filed", "--file")).code).toBe(0);
    expect(text()).toBe(before);
    expect(await stateOf("filed")).toBe(undefined);
  });
});

test("P3: a second start on the same data says which gateway runs already", async () => {
  const { code, stderr } = await spawn("start", "--port", "0");
  expect([code, stderr]).toEqual([1, expect.stringContaining("another gateway uses this data")]);
  const running = `a gateway runs already at ${gateway.url}/mcp (process ${gateway.pid})`;
  // A gateway on every address is shown as localhost.
  expect(stderr.replaceAll("localhost", "127.0.0.1")).toContain(running);
});

test("restart starts a server again", async () => {
  expect(await spawn("restart", "handy")).toEqual({
    code: 0,
    stdout: 'Restarted server "handy"\n',
    stderr: "",
  });
  expect((await run("restart", "off")).code).toBe(1);
  expect((await run("restart", "none")).code).toBe(3);
});

test("logs shows the last lines, those of one server, and new ones", async () => {
  expect((await spawn("logs", "--lines", "1")).stdout.trim().split("\n")).toHaveLength(1);
  const own = (await run("logs", "broken")).stdout.trim().split("\n");
  expect(own.length).toBeGreaterThan(0);
  for (const line of own) expect(line).toMatch(/ upstream\.broken | server=broken | servers=/);
  const records = await runHereJson<{ level: string }[]>(["logs", "broken"], here());
  expect(records[0]).toMatchObject({ level: expect.any(String), message: expect.any(String) });
  const follower = startCli(["logs", "-f", "broken", "-n", "1"], here());
  await untilPrinted(follower, /broken/);
  await run("test", "broken");
  await untilPrinted(follower, /(?:.*broken.*\n){2}/);
  follower.signal("SIGINT");
  expect((await follower.ended).code).toBe(130);
});

test("logs --audit shows who called what, or says how to record it", async () => {
  const { code, stderr } = await run("logs", "--audit");
  expect([code, stderr]).toEqual([3, expect.stringContaining("MCP_AUDIT=on")]);
  const record = {
    time: "2026-01-02T03:04:05.678Z",
    event: "call",
    instance: "one",
    call: 7,
    principal: "user:ann",
    method: "tools/call",
    server: "handy",
    outcome: "denied",
  };
  const path = join(gateway.directory, "data/logs/audit.log");
  const others = { ...record, server: "other", outcome: "ok" };
  writeFileSync(path, [record, others].map((one) => `${JSON.stringify(one)}\n`).join(""));
  expect((await run("logs", "--audit", "handy")).stdout).toBe(
    "2026-01-02T03:04:05.678Z denied user:ann call call=7 method=tools/call server=handy\n",
  );
  expect(await runHereJson(["logs", "--audit"], here())).toEqual([record, others]);
});

test("backup copies the database to a new file, and says which key it needs", async () => {
  const { code, stdout } = await spawn("backup", "copy.db");
  const file = join(gateway.directory, "copy.db");
  expect([code, existsSync(file), statSync(file).mode & 0o777]).toEqual([0, true, 0o600]);
  expect(stdout).toContain("secret.key");
  const again = await run("backup", "copy.db");
  expect([again.code, again.stderr.includes("the file exists")]).toEqual([1, true]);
});
