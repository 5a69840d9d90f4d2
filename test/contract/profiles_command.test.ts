/**
 * The command `profiles`, and `--profile` of other commands: with the files alone while no gateway
 * runs, and at a running gateway, which also follows edits of `mcp.json`.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type CliOptions, runCli, runHere, runHereJson, startCli } from "../support/run_cli.ts";
import { programCommand, type SpawnedGateway, spawnGateway } from "../support/spawn_gateway.ts";
import { until, within } from "../support/wait.ts";

const handy = programCommand("test/support/handy_child.ts", ["Handy One"]);
const reading = { servers: { handy: { tools: ["echo", "steps"] } } };

/** What `profiles list --json` prints. */
interface ListJson {
  readonly running: boolean;
  readonly profiles: readonly {
    readonly name: string;
    readonly source: string;
    readonly url: string;
    readonly entry: unknown;
    readonly problem?: string;
  }[];
}

const namesIn = ({ tools }: { readonly tools: readonly { readonly name: string }[] }) =>
  tools.map(({ name }) => name);

describe("while no gateway runs", () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "mcp-wrapper-profiles-"));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  beforeEach(() => {
    rmSync(join(folder, "data"), { recursive: true, force: true });
    write({ fine: { servers: ["handy"], description: "Everything" }, wrong: { servers: 5 } });
  });
  const path = () => join(folder, "mcp.json");
  const write = (profiles: unknown) =>
    writeFileSync(
      path(),
      `{\n  // mine\n  "mcpServers": ${JSON.stringify({ handy })},\n` +
        `  "profiles": ${JSON.stringify(profiles)}\n}\n`,
    );
  const here = (options: Partial<CliOptions> = {}): CliOptions => ({ cwd: folder, ...options });
  const run = (...args: string[]) => runHere(args, here());
  const list = () => runHereJson<ListJson>(["profiles"], here());

  test("it lists those of mcp.json, says what is wrong, and makes no file", async () => {
    const { code, stdout } = await runCli(["profiles"], here());
    expect(code).toBe(0);
    expect(stdout).toMatch(/^NAME +FROM +SERVERS +TOOLS +URL$/m);
    expect(stdout).toMatch(
      /^fine +mcp\.json +handy +list +http:\/\/localhost:8999\/profiles\/fine\/mcp$/m,
    );
    expect(stdout).toContain("wrong: profiles.wrong.servers in mcp.json: expected an object");
    expect(existsSync(join(folder, "data"))).toBe(false);
    write({});
    expect((await run("profiles", "list")).stdout)
      .toBe("No profile exists; make one with mcp-wrapper profiles add NAME\n");
  });

  test("it keeps an added profile for the next gateway and for commands", async () => {
    const words = ["--servers", "handy,handy2", "--tools", "echo, st*", "--description", "Reads"];
    const added = await runCli(["profiles", "add", "reading", ...words], here());
    expect([added.code, added.stderr]).toEqual([
      0,
      'Profile "reading" names server "handy2", which is not configured; did you mean "handy"?\n',
    ]);
    expect(added.stdout).toBe(
      'Added profile "reading" to the registry; no gateway runs, the next one has it\n' +
        "Clients use http://localhost:8999/profiles/reading/mcp\n" +
        "Connect one: mcp-wrapper connect CLIENT --profile reading\n",
    );
    const { running, profiles } = await list();
    expect(running).toBe(false);
    expect(profiles.find(({ name }) => name === "reading")).toMatchObject({
      source: "registry",
      entry: {
        description: "Reads",
        servers: {
          handy: { tools: { allow: ["echo", "st*"] } },
          handy2: { tools: { allow: ["echo", "st*"] } },
        },
      },
      missing: ["handy2"],
    });
    const again = await run("profiles", "add", "reading", "--servers", "handy");
    expect([again.code, again.stderr.includes("use --replace, or another name")])
      .toEqual([2, true]);
    const json = JSON.stringify({ ...reading, tools: "search", pinned: ["echo"] });
    const replaced = await runHere(
      ["profiles", "add", "reading", "-", "--replace"],
      here({ input: json }),
    );
    expect(replaced.stdout).toContain('Replaced profile "reading" in the registry');
    expect((await run("profiles")).stdout).toMatch(/^reading +registry +handy +search /m);
    expect((await run("profiles", "show", "reading")).stdout).toContain('"pinned": [');
    expect((await run("profiles", "remove", "reading")).stdout)
      .toBe('Removed profile "reading" from the registry\n');
    expect((await list()).profiles.map(({ name }) => name)).toEqual(["fine", "wrong"]);
  });

  test("--file changes mcp.json and keeps what else is there", async () => {
    expect((await run("profiles", "add", "two", "--servers", "handy", "--search", "--file")).code)
      .toBe(0);
    const text = readFileSync(path(), "utf8");
    expect(text).toContain("// mine");
    expect((await list()).profiles.map(({ name, source }) => [name, source]).sort())
      .toEqual([["fine", "file"], ["two", "file"], ["wrong", "file"]]);
    expect((await run("profiles", "remove", "two")).stderr)
      .toContain("change that file by --file, or edit it yourself");
    expect((await run("profiles", "remove", "two", "--file")).code).toBe(0);
    expect(JSON.parse(readFileSync(path(), "utf8").replace("// mine", "")).profiles)
      .toEqual({ fine: { servers: ["handy"], description: "Everything" }, wrong: { servers: 5 } });
    expect(existsSync(join(folder, "data"))).toBe(false);
  });

  test("it refuses what could not be used, and then nothing has changed", async () => {
    const before = readFileSync(path(), "utf8");
    const refusals: readonly (readonly [string[], number, string])[] = [
      [["add"], 2, "Cannot find the NAME of the profile"],
      [["add", "x"], 2, "give --servers, or the profile as JSON"],
      [["add", "x", "--servers", ","], 2, "Cannot use --servers: expected names"],
      [["add", "x", "{"], 2, "Cannot read the profile as JSON"],
      [["add", "x", "[]"], 2, "Cannot use the profile: expected a JSON object"],
      [["add", "x", "{}", "--search"], 2, "Cannot use --search with a profile in JSON"],
      [["add", "x", "{}"], 2, "profiles.x.servers in the registry: expected an object"],
      [["add", "x", "{}", "--file"], 2, "profiles.x.servers in mcp.json: expected an object"],
      [["add", "x", "--servers", "handy", "--pinned", "a"], 2, 'without "tools": "search"'],
      [["add", "fine", "--servers", "handy"], 2, "edit that file, or use --file --replace"],
      [["remove", "fin"], 3, 'Cannot find profile "fin"; did you mean "fine"?'],
      [["show", "none"], 3, 'Cannot find profile "none"; there are fine, wrong'],
      [["drop"], 2, 'Cannot read the action "drop"; expected list, add, remove, show'],
    ];
    for (const [args, expected, words] of refusals) {
      const { code, stdout, stderr } = await run("profiles", ...args);
      expect([args, code, stdout, stderr.includes(words) || stderr])
        .toEqual([args, expected, "", true]);
    }
    expect(readFileSync(path(), "utf8")).toBe(before);
    expect((await list()).profiles.map(({ name }) => name)).toEqual(["fine", "wrong"]);
  });

  test("tools --profile lists the tools of a profile as its clients see them", async () => {
    write({ reading: { ...reading, names: "prefixed" }, wrong: { servers: 5 } });
    const tools = await runHereJson<Parameters<typeof namesIn>[0]>(
      ["tools", "--profile", "reading"],
      here(),
    );
    expect(namesIn(tools)).toEqual(["handy__echo", "handy__steps"]);
    const refusals: readonly (readonly [string[], number, string])[] = [
      [["--profile", "readin"], 3, 'did you mean "reading"?'],
      [["--profile", "wrong"], 2, 'Cannot use profile "wrong": profiles.wrong.servers'],
      [["handy", "--profile", "reading"], 2, "leave out one of them"],
    ];
    for (const [args, expected, words] of refusals) {
      const { code, stderr } = await run("tools", ...args);
      expect([args, code, stderr.includes(words) || stderr]).toEqual([args, expected, true]);
    }
  });

  test("connect --profile gives a client the profile, by URL or by program", async () => {
    const env = { HOME: folder, XDG_CONFIG_HOME: join(folder, ".config"), PATH: folder };
    const connect = (...args: string[]) => runHere(["connect", ...args, "--json"], here({ env }));
    const byUrl = await connect("cursor", "--profile", "fine");
    expect(JSON.parse(byUrl.stdout).entry)
      .toEqual({ url: "http://localhost:8999/profiles/fine/mcp" });
    const byProgram = await connect("claude-desktop", "--profile", "fine");
    const { args } = JSON.parse(byProgram.stdout).entry as { args: string[] };
    const at = args.indexOf("stdio");
    expect(args.slice(at, at + 3)).toEqual(["stdio", "--profile", "fine"]);
    const { code, stderr } = await connect("cursor", "--profile", "fin");
    expect([code, stderr.includes('did you mean \\"fine\\"?')]).toEqual([3, true]);
  });

  test("doctor names a profile that cannot be used", async () => {
    const { stdout } = await run("doctor");
    expect(stdout).toContain('Profile "wrong" cannot be used: profiles.wrong.servers in mcp.json');
    expect(stdout).not.toContain('Profile "fine"');
  });
});

describe("at a running gateway", () => {
  let gateway: SpawnedGateway;
  beforeAll(async () => {
    gateway = await spawnGateway({ servers: { handy }, env: { MCP_ADMIN_PORT: "0" } });
    await until(
      "the gateway can be found",
      () => existsSync(join(gateway.directory, "data/gateway.json")),
    );
  });
  afterAll(() => gateway.dispose());
  const here = (options: Partial<CliOptions> = {}): CliOptions => ({
    cwd: gateway.directory,
    ...options,
  });
  const run = (...args: string[]) => runHere(args, here());
  const toolsOf = async (profile: string) =>
    namesIn(await runHereJson(["tools", "--profile", profile], here()));

  test("a profile is added, shown in the status, used and removed at once", async () => {
    const json = JSON.stringify(reading);
    const added = await runHere(["profiles", "add", "reading", json], here());
    expect(added.stdout).toBe(
      'Added profile "reading" to the registry\n' +
        `Clients use ${gateway.url}/profiles/reading/mcp\n` +
        "Connect one: mcp-wrapper connect CLIENT --profile reading\n",
    );
    expect(await toolsOf("reading")).toEqual(["echo", "steps"]);
    expect((await run("status")).stdout).toMatch(/^1 profile: reading$/m);
    expect((await run("profiles", "list", "--json")).stdout).toContain('"running": true');
    const wrong = await run("profiles", "add", "other", '{"servers": 1}');
    expect([wrong.code, wrong.stderr.includes("profiles.other.servers")]).toEqual([2, true]);
    expect((await run("profiles", "remove", "reading")).code).toBe(0);
    expect((await run("tools", "--profile", "reading")).code).toBe(3);
  });

  test("an edit of mcp.json brings, changes and takes profiles, and restarts no server", async () => {
    const file = join(gateway.directory, "mcp.json");
    const write = (profiles: unknown) =>
      writeFileSync(file, JSON.stringify({ mcpServers: { handy }, profiles }));
    const pid = async () => JSON.stringify(await runHereJson(["status", "handy"], here()));
    write({ live: reading, wrong: { servers: 5 } });
    await until("the profile", async () => (await run("tools", "--profile", "live")).code === 0);
    const before = JSON.parse(await pid()).restarts;
    expect(await toolsOf("live")).toEqual(["echo", "steps"]);
    expect((await run("status")).stdout)
      .toContain("wrong: profiles.wrong.servers in mcp.json: expected an object of servers");
    expect(gateway.log()).toContain("Profiles were added, changed or removed");
    expect(gateway.log()).toContain("profiles.wrong.servers in mcp.json: expected");
    write({ live: { servers: { handy: { tools: { rename: { echo: "say" } } } } } });
    await until("the edit", async () => (await toolsOf("live")).includes("say"));
    expect(JSON.parse(await pid()).restarts).toBe(before);
    write({});
    await until("the end", async () => (await run("tools", "--profile", "live")).code === 3);
  });

  test("stdio --profile serves the profile to a client", async () => {
    await run("profiles", "add", "reading", JSON.stringify(reading), "--replace");
    const client = startCli(["stdio", "--profile", "reading"], here());
    try {
      const send = (message: object) => client.write(`${JSON.stringify(message)}\n`);
      const params = {
        protocolVersion: "2025-11-25",
        capabilities: {},
        clientInfo: { name: "test", version: "1" },
      };
      send({ jsonrpc: "2.0", id: 1, method: "initialize", params });
      await until("the handshake", () => client.stdout().includes('"id":1'));
      send({ jsonrpc: "2.0", method: "notifications/initialized" });
      send({ jsonrpc: "2.0", id: 2, method: "tools/list" });
      await until("the list", () => client.stdout().includes('"id":2'));
      expect(client.stdout()).toContain('"name":"echo"');
      expect(client.stdout()).not.toContain('"name":"fail"');
    } finally {
      client.closeInput();
      await within("the end of stdio", client.ended);
    }
  });
});
