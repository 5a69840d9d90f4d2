/**
 * `connect` as a command, on copies of each client's real file: what it shows, what it writes, and
 * what it refuses. The home folder is a temporary one, and PATH has no client's program unless a
 * test puts one there.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { homedir, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";
import { type CliOutcome, runCli } from "../support/run_cli.ts";
import { spawnGateway } from "../support/spawn_gateway.ts";

let home = "";
let programs = "";
beforeAll(() => {
  home = realpathSync(mkdtempSync(join(tmpdir(), "mcp-wrapper-connect-")));
  programs = join(home, "bin");
  mkdirSync(join(home, "work"));
  mkdirSync(programs);
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

/** Runs a command with the temporary home folder. */
function run(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<CliOutcome> {
  return runCli(args, {
    cwd: join(home, "work"),
    env: {
      HOME: home,
      XDG_CONFIG_HOME: join(home, ".config"),
      XDG_STATE_HOME: join(home, ".state"),
      PATH: programs,
      DENO_DIR: process.env["DENO_DIR"] ?? join(homedir(), ".cache", "deno"),
      ...env,
    },
  });
}

/** Puts a file of a client into the home folder. */
function place(path: string, text: string, mode = 0o644): string {
  const file = join(home, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  chmodSync(file, mode);
  return file;
}

const modeOf = (path: string) => statSync(path).mode & 0o777;

/** The text that came between; fails if the old text is not there whole. */
function insertedInto(old: string, next: string): string {
  let start = 0;
  while (start < old.length && old[start] === next[start]) start += 1;
  const rest = old.slice(start);
  expect(next.endsWith(rest)).toBe(true);
  return next.slice(start, next.length - rest.length);
}

/** The backups beside a file. */
function backupsOf(file: string): string[] {
  return readdirSync(dirname(file)).map((name) => join(dirname(file), name))
    .filter((path) => path.startsWith(`${file}.`) && path.endsWith(".bak"));
}

const url = "http://localhost:8999/mcp";

/** Each client's file as it is in the wild, and a part of the entry for the gateway. */
const files: Readonly<Record<string, readonly [path: string, text: string, entry: string]>> = {
  "claude-desktop": [
    ".config/Claude/claude_desktop_config.json",
    '{\n  "globalShortcut": "",\n  "mcpServers": {\n    "files": {\n      "command": "npx",\n' +
    '      "args": ["-y", "@modelcontextprotocol/server-filesystem", "/home/me"]\n    }\n  }\n}',
    '"stdio"',
  ],
  "claude-code": [
    ".claude.json",
    '{\n  "numStartups": 12,\n  "projects": {\n    "/home/me/x": { "mcpServers": {} }\n  },\n' +
    '  "mcpServers": {},\n  "oauthAccount": { "emailAddress": "me@example.com" }\n}\n',
    `"type": "http",\n      "url": "${url}"`,
  ],
  "cursor": [
    ".cursor/mcp.json",
    '\uFEFF{\r\n\t"mcpServers": {\r\n\t\t"github": {"command": "docker", "args": []}\r\n\t}\r\n}\r\n',
    `"url": "${url}"`,
  ],
  "vscode": [
    ".config/Code/User/mcp.json",
    '{\n\t// Prompts\n\t"inputs": [],\n\t"servers": { // mine\n\t\t"docs": {\n\t\t\t"type": "http",\n' +
    '\t\t\t"url": "https://docs.example.com/mcp", // trailing comma\n\t\t},\n\t},\n}\n',
    '"type": "http"',
  ],
  "windsurf": [".codeium/windsurf/mcp_config.json", "{}", `"serverUrl": "${url}"`],
  "zed": [
    ".config/zed/settings.json",
    '// Zed settings\n//\n{\n  "theme": "One Dark", /* dark */\n  "ui_font_size": 16,\n}\n',
    `context_servers": {\n    "mcp-wrapper": {\n      "url": "${url}"`,
  ],
  "codex": [
    ".codex/config.toml",
    'model = "gpt-5"   # mine\n\n[mcp_servers.docs]\ncommand = "npx"\nargs = [\n  "-y",\n  "docs", # c\n]\n\n' +
    '[projects."/home/me/x"]\ntrust_level = "trusted"',
    `[mcp_servers.mcp-wrapper]\nurl = "${url}"\n`,
  ],
  "gemini": [
    ".gemini/settings.json",
    '{\n   "security": {"auth": {"selectedType": "oauth-personal"}},\n   "ui":   {}\n}\n',
    `"httpUrl": "${url}"`,
  ],
  "goose": [
    ".config/goose/config.yaml",
    "GOOSE_PROVIDER: anthropic  # mine\nextensions:\n\n  # built in\n  developer:\n    enabled: true\n" +
    "    type: builtin\nGOOSE_MODEL: 'x'\n",
    `type: streamable_http\n    name: mcp-wrapper\n    description: "All MCP servers of the gateway"\n    uri: "${url}"`,
  ],
};

describe("connect --write", () => {
  for (const [client, [path, text, entry]] of Object.entries(files)) {
    test(`adds the gateway to the file of ${client} and keeps every other byte`, async () => {
      const file = place(path, text, 0o640);
      const { code, stdout, stderr } = await run(["connect", client, "--write", "--yes"]);
      expect([code, stderr]).toEqual([0, ""]);
      const next = readFileSync(file, "utf8");
      const inserted = insertedInto(text, next).replaceAll("\r\n", "\n");
      expect(inserted).toContain(entry);
      expect(modeOf(file)).toBe(0o640);
      const [backup = "", ...others] = backupsOf(file);
      expect(others).toEqual([]);
      expect(readFileSync(backup, "utf8")).toBe(text);
      expect(modeOf(backup)).toBe(0o600);
      for (const part of [file, backup]) expect(stdout).toContain(part);
      // Once more changes nothing.
      expect((await run(["connect", client, "--write", "--yes"])).stdout).toContain("already");
      expect(readFileSync(file, "utf8")).toBe(next);
    });
  }

  test("asks first: without a terminal and without --yes nothing is written", async () => {
    const file = place(".cursor/mcp.json", '{"mcpServers":{}}');
    const { code, stderr } = await run(["connect", "cursor", "--write"]);
    expect(code).toBe(5);
    expect(stderr).toContain("--yes");
    expect(readFileSync(file, "utf8")).toBe('{"mcpServers":{}}');
  });

  test("replaces an entry of the same name, and nothing around it", async () => {
    const text = '{ "a": 1, "mcpServers": {"mcp-wrapper": {"command": "old"}, "x": {}} }';
    const file = place(".cursor/mcp.json", text);
    const refused = await run(["connect", "cursor", "--write"]);
    expect([refused.code, refused.stderr]).toEqual([5, expect.stringContaining("Replace")]);
    expect((await run(["connect", "cursor", "--write", "--yes"])).code).toBe(0);
    expect(readFileSync(file, "utf8")).toBe(
      text.replace('{"command": "old"}', `{"url":"${url}"}`),
    );
  });

  test("follows a symbolic link, which stays", async () => {
    const target = place("dotfiles/mcp.json", '{\n  "mcpServers": {}\n}\n', 0o600);
    const link = join(home, ".cursor", "mcp.json");
    rmSync(link, { force: true });
    symlinkSync(target, link);
    expect((await run(["connect", "cursor", "--write", "--yes"])).code).toBe(0);
    expect(lstatSync(link).isSymbolicLink()).toBe(true);
    expect(readFileSync(target, "utf8")).toContain(url);
    expect(modeOf(target)).toBe(0o600);
    rmSync(link);
  });

  test("makes a file that is missing, for its owner alone", async () => {
    const { code } = await run(["connect", "gemini", "--write", "--yes", "--project"]);
    expect(code).toBe(0);
    const file = join(home, "work", ".gemini", "settings.json");
    expect(JSON.parse(readFileSync(file, "utf8"))).toEqual({
      mcpServers: { "mcp-wrapper": { httpUrl: url } },
    });
    expect(modeOf(file)).toBe(0o600);
    expect(backupsOf(file)).toEqual([]);
  });

  test("refuses a file that it cannot parse or change, and leaves it", async () => {
    const broken: readonly (readonly [client: string, path: string, text: string | Uint8Array])[] =
      [
        ["windsurf", ".codeium/windsurf/mcp_config.json", '{"mcpServers": {'],
        ["codex", ".codex/config.toml", 'mcp_servers = { x = { command = "a" } }\n'],
        ["zed", ".config/zed/settings.json", new Uint8Array([0x7b, 0xff, 0xfe, 0x7d])],
      ];
    for (const [client, path, text] of broken) {
      const file = place(path, "");
      writeFileSync(file, text);
      const { code, stderr } = await run(["connect", client, "--write", "--yes"]);
      expect([client, code]).toEqual([client, 2]);
      expect(stderr).toContain(file);
      expect(readFileSync(file)).toEqual(Buffer.from(text));
    }
  });

  test("runs the client's own command where there is one, and passes its failure on", async () => {
    const record = join(home, "record.txt");
    const program = join(programs, "claude");
    const write = (end: string) => {
      writeFileSync(program, `#!/bin/sh\nprintf '%s\\n' "$@" > '${record}'\n${end}\n`);
      chmodSync(program, 0o755);
    };
    rmSync(join(home, ".claude.json"), { force: true });
    write("exit 0");
    const shown = await run(["connect", "claude-code"]);
    expect(shown.stdout).toContain(
      `claude mcp add --transport http --scope user mcp-wrapper ${url}`,
    );
    const refused = await run(["connect", "claude-code", "--write"]);
    expect(refused.code).toBe(5);
    expect((await run(["connect", "claude-code", "--write", "--yes"])).code).toBe(0);
    expect(readFileSync(record, "utf8").trim().split("\n")).toEqual(
      ["mcp", "add", "--transport", "http", "--scope", "user", "mcp-wrapper", url],
    );
    write("echo 'Server exists' >&2; exit 1");
    const failed = await run(["connect", "claude-code", "--write", "--yes"]);
    expect([failed.code, failed.stderr]).toEqual([1, expect.stringContaining("Server exists")]);
    // Other accounts could see a header among the arguments of a process.
    rmSync(record, { force: true });
    const header = ["--header", "X-Key: hush-hush"];
    expect((await run(["connect", "claude-code", "--write", "--yes", ...header])).code).toBe(0);
    expect(readFileSync(join(home, ".claude.json"), "utf8")).toContain('"X-Key": "hush-hush"');
    expect(readdirSync(home)).not.toContain("record.txt");
    rmSync(program);
  });

  test("keeps a copy where the client's own command replaces an entry, also if it fails", async () => {
    const program = join(programs, "claude");
    const text = '{"mcpServers": {"mcp-wrapper": {"type": "http", "url": "http://old/mcp"}}}';
    const file = place(".claude.json", text);
    const lose = `case "$*" in *remove*) echo '{}' > '${file}';; *) echo full >&2; exit 1;; esac`;
    writeFileSync(program, `#!/bin/sh\n${lose}\n`);
    chmodSync(program, 0o755);
    const { code, stderr } = await run(["connect", "claude-code", "--write", "--yes"]);
    expect([code, readFileSync(file, "utf8")]).toEqual([1, "{}\n"]);
    const [, backup = ""] = /full; \S+ as it was: (\S+)/.exec(stderr) ?? [];
    expect(readFileSync(backup, "utf8")).toBe(text);
    expect(statSync(backup).mode & 0o777).toBe(0o600);
    rmSync(program);
  });
});

describe("connect", () => {
  test("shows the configuration, the file, the link and the restart, and changes nothing", async () => {
    rmSync(join(home, ".cursor"), { recursive: true, force: true });
    const { code, stdout } = await run(["connect", "cursor"]);
    expect(code).toBe(0);
    expect(stdout).toContain(join(home, ".cursor", "mcp.json"));
    expect(stdout).toContain(
      JSON.stringify({ mcpServers: { "mcp-wrapper": { url } } }, null, 2),
    );
    const link = /cursor:\/\/anysphere\.cursor-deeplink\/mcp\/install\?(\S+)/.exec(stdout)?.[1] ??
      "";
    const query = new URLSearchParams(link);
    expect([query.get("name"), JSON.parse(atob(query.get("config") ?? ""))]).toEqual(
      ["mcp-wrapper", { url }],
    );
    expect(readdirSync(home)).not.toContain(".cursor");
  });

  test("prints one value for scripts, with the link of VS Code and the most tools it takes", async () => {
    const { stdout } = await run(["connect", "vscode", "--json", "--name", "tools"]);
    const value = JSON.parse(stdout);
    expect(value).toMatchObject({ client: "vscode", name: "tools", toolsMax: 128, scope: "user" });
    const link = decodeURIComponent(String(value.link).replace("vscode:mcp/install?", ""));
    expect(JSON.parse(link)).toEqual({ name: "tools", type: "http", url });
  });

  test("takes the URL of the gateway that runs, else of the configuration", async () => {
    const data = join(home, "data");
    mkdirSync(data, { recursive: true });
    const file = join(data, "gateway.json");
    const urlBy = async (...flags: string[]) => {
      const { stdout } = await run(["connect", "cursor", "--json", "--data", data, ...flags], {
        MCP_PORT: "9123",
      });
      return JSON.parse(stdout).entry.url;
    };
    expect(await urlBy()).toBe("http://localhost:9123/mcp");
    const gateway = await spawnGateway({ servers: {} });
    try {
      const { stdout } = await run([
        "connect",
        "cursor",
        "--json",
        "--data",
        `${gateway.directory}/data`,
      ]);
      expect(JSON.parse(stdout).entry.url).toBe(`${gateway.url}/mcp`);
      // A killed gateway leaves its file behind.
      await gateway.kill9();
      const text = readFileSync(join(gateway.directory, "data", "gateway.json"), "utf8");
      expect(text).toContain(gateway.url);
      writeFileSync(file, text);
    } finally {
      await gateway.dispose();
    }
    expect(await urlBy()).toBe("http://localhost:9123/mcp");
    const anyPort = await run(["connect", "cursor", "--data", data], { MCP_PORT: "0" });
    expect([anyPort.code, anyPort.stderr]).toEqual([4, expect.stringContaining("MCP_PORT")]);
  });

  test("names both places of the account, also before the first server stands in a file", async () => {
    const config = join(home, ".config/mcp-wrapper/mcp.json");
    const { stdout } = await run(["connect", "claude-desktop", "--json", "--stdio"]);
    const { args } = JSON.parse(stdout).entry;
    const places = ["--config", config, "--data", join(home, ".state/mcp-wrapper")];
    expect(args.slice(-5)).toEqual(["stdio", ...places]);
    // A client starts its programs wherever it likes.
    expect((await run(["list", ...places])).code).toBe(0);
    const { code, stderr } = await run(["list", "--config", join(home, "nope.json")]);
    expect([code, stderr]).toEqual([2, expect.stringContaining("nope.json: no such file")]);
  });

  test("says that a client has the gateway under another name", async () => {
    const own = { command: "npx", args: ["mcp-remote", url] };
    place(".cursor/mcp.json", JSON.stringify({ mcpServers: { tools: own, x: {} } }));
    expect((await run(["connect", "cursor"])).stderr).toContain('has the gateway as "tools":');
  });

  test("refuses what it does not know", async () => {
    const unknown = await run(["connect", "cursr"]);
    expect([unknown.code, unknown.stderr]).toEqual([3, expect.stringContaining("cursor?")]);
    expect((await run(["connect", "windsurf", "--project"])).code).toBe(2);
    expect((await run(["connect", "cursor", "--header", "nonsense"])).code).toBe(2);
    expect((await run(["connect", "cursor", "--name", "a b"])).code).toBe(2);
    expect((await run(["connect", "claude-desktop", "--header", "A: b"])).code).toBe(2);
  });
});
