/**
 * `import` as a command, against copies of the clients' real files: what it lists, what it writes
 * after a confirmation, and what a running gateway then serves. No value of a file is ever printed.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { homedir, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";
import { parseJsonc } from "../../src/config/jsonc.ts";
import { type CliOutcome, runCli } from "../support/run_cli.ts";
import { spawnGateway } from "../support/spawn_gateway.ts";
import { until } from "../support/wait.ts";

let home = "";
beforeAll(() => {
  home = realpathSync(mkdtempSync(join(tmpdir(), "mcp-wrapper-import-")));
  for (const [path, text] of Object.entries(files)) place(path, text);
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

function place(path: string, text: string): string {
  const file = join(home, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  return file;
}

/** An empty folder to be the current one. */
function folder(): string {
  return realpathSync(mkdtempSync(join(home, "work-")));
}

function run(
  args: readonly string[],
  cwd: string,
  env: Readonly<Record<string, string>> = {},
): Promise<CliOutcome> {
  return runCli(args, {
    cwd,
    env: {
      HOME: home,
      XDG_CONFIG_HOME: join(home, ".config"),
      XDG_STATE_HOME: join(home, ".state"),
      DENO_DIR: process.env["DENO_DIR"] ?? join(homedir(), ".cache", "deno"),
      ...env,
    },
  });
}

/** The files of the user, each with secrets that all begin alike. */
const files: Readonly<Record<string, string>> = {
  ".config/Claude/claude_desktop_config.json": `{
  "globalShortcut": "",
  "mcpServers": {
    "github": {
      "command": "/opt/homebrew/bin/npx",
      "args": ["-y", "@modelcontextprotocol/server-github"],
      "env": { "GITHUB_PERSONAL_ACCESS_TOKEN": "hush-1", "LOG_LEVEL": "debug" }
    },
    "db": { "command": "npx", "args": ["server-postgres", "postgresql://me:hush-2@localhost/db"] },
    "gateway": { "command": "npx", "args": ["-y", "mcp-remote", "http://localhost:8999/mcp"] }
  }
}`,
  ".claude.json": `{"numStartups":3,"projects":{"/x":{"mcpServers":{"p":{"command":"p"}}}},
"mcpServers":{"github":{"type":"stdio","command":"/opt/homebrew/bin/npx","args":["-y","@modelcontextprotocol/server-github"],
"env":{"GITHUB_PERSONAL_ACCESS_TOKEN":"hush-other"}}}}`,
  ".cursor/mcp.json":
    '\uFEFF{\r\n\t"mcpServers": {\r\n\t\t"linear": {"url": "https://mcp.linear.app/mcp", ' +
    '"headers": {"Authorization": "Bearer hush-3"}}, // c\r\n\t}\r\n}\r\n',
  ".config/Code/User/mcp.json": `{
  // prompts
  "inputs": [{ "id": "docs-key", "type": "promptString", "password": true }],
  "servers": {
    "docs": { "type": "http", "url": "https://docs.example.com/mcp?token=hush-4",
      "headers": { "X-Key": "\${input:docs-key}" }, },
    "here": { "type": "stdio", "command": "\${workspaceFolder}/run" },
  },
}`,
  ".codeium/windsurf/mcp_config.json":
    '{"mcpServers":{"zap":{"serverUrl":"https://zap.example.com/s/hush5a1b2c3d4e5f6a7b8/mcp"}}}',
  ".config/zed/settings.json":
    '// Zed\n{"context_servers":{"files":{"source":"custom","command":"npx","args":["files"],"env":{}}}}',
  ".codex/config.toml": `model = "gpt-5"
[mcp_servers.search]
url = "https://search.example.com/mcp"
bearer_token_env_var = "SEARCH_TOKEN"
http_headers = { "X-Api-Key" = "hush-6" }
[mcp_servers.old]
command = "old"
enabled = false
`,
  ".gemini/settings.json":
    '{"mcpServers":{"maps":{"httpUrl":"https://maps.example.com/mcp","headers":{"X-Goog-Api-Key":"$MAPS_KEY"},"timeout":5000}}}',
  ".config/goose/config.yaml": `GOOSE_MODEL: x # mine
extensions:
  developer: { type: builtin, enabled: true, name: developer }
  fetch:
    type: stdio
    enabled: true
    cmd: uvx
    args: [mcp-server-fetch, --api-key, hush-7]
    envs: {}
`,
};

const all = ["github", "db", "linear", "docs", "zap", "files", "search", "maps", "fetch"];
/** The servers of an mcp.json with comments, as plain data. */
function serversIn(text: string) {
  return JSON.parse(JSON.stringify(parseJsonc(text, "mcp.json").value)).mcpServers;
}

const textsOf = () => Object.keys(files).map((path) => readFileSync(join(home, path), "utf8"));

describe("import", () => {
  test("lists what it found without values, and changes nothing before a confirmation", async () => {
    const cwd = folder();
    const { code, stdout, stderr } = await run(["import", "--config", "mcp.json"], cwd);
    expect([code, stdout]).toEqual([5, ""]);
    for (const name of all) expect(stderr).toContain(`+ ${name} (`);
    for (
      const part of [
        "npx; env GITHUB_PERSONAL_ACCESS_TOKEN, LOG_LEVEL",
        "mcp.linear.app; headers Authorization",
        "needs DOCS_KEY",
        "needs SEARCH_TOKEN",
        "gateway (Claude Desktop): not imported: it is this gateway",
        "github (Claude Code): not imported: Claude Desktop has another server of this name",
        "here (VS Code): not imported: only VS Code knows its ${workspaceFolder}",
        "old (Codex): not imported: it is switched off in Codex",
        "developer (Goose): not imported: a part of Goose itself",
        "servers of 1 single project",
        "--yes",
      ]
    ) expect(stderr).toContain(part);
    expect(stderr).not.toContain("hush");
    expect(readdirSync(cwd)).toEqual([]);
    expect(textsOf()).toEqual(Object.values(files));
  });

  test("adds the servers to mcp.json and their secrets to .env, and tells what is there twice", async () => {
    const cwd = folder();
    const before =
      '{\n\t// ours\n\t"mcpServers": {\n\t\t"files": {"command": "x"}, // keep\n\t}\n}\n';
    writeFileSync(join(cwd, "mcp.json"), before);
    writeFileSync(join(cwd, ".env"), "# ours\nGITHUB_PERSONAL_ACCESS_TOKEN=another\n", {
      mode: 0o644,
    });
    const { code, stdout, stderr } = await run(["import", "--yes"], cwd);
    expect(code).toBe(0);
    expect(stderr).toContain("files (Zed): not imported: mcp.json has a server of this name");
    expect(stdout + stderr).not.toContain("hush");
    expect(stdout).toContain("Claude Desktop now has servers twice: github, db");
    expect(stdout).toContain(
      "When you connect Cursor to the gateway, it has servers twice: linear",
    );
    const text = readFileSync(join(cwd, "mcp.json"), "utf8");
    expect(text).not.toContain("hush");
    for (const line of before.split("\n")) expect(text).toContain(line);
    const servers = serversIn(text);
    expect(Object.keys(servers)).toEqual([...all.filter((name) => name !== "files"), "files"]);
    expect(servers.github.env).toEqual({
      GITHUB_PERSONAL_ACCESS_TOKEN: "${GITHUB_GITHUB_PERSONAL_ACCESS_TOKEN}",
      LOG_LEVEL: "debug",
    });
    expect(servers.search).toEqual({
      url: "https://search.example.com/mcp",
      headers: { "X-Api-Key": "${SEARCH_X_API_KEY}" },
      credentials: { type: "bearer", token: "${SEARCH_TOKEN}" },
    });
    expect(servers.fetch).toMatchObject({
      command: "uvx",
      args: ["mcp-server-fetch", "--api-key", "${FETCH_API_KEY}"],
    });
    const env = readFileSync(join(cwd, ".env"), "utf8");
    expect(env.startsWith("# ours\nGITHUB_PERSONAL_ACCESS_TOKEN=another\n")).toBe(true);
    for (const number of [1, 2, 3, 4, 6, 7]) expect(env).toContain(`=hush-${number}\n`);
    expect(statSync(join(cwd, ".env")).mode & 0o777).toBe(0o600);
    // The clients' own files are as they were.
    expect(textsOf()).toEqual(Object.values(files));
    // A second time there is nothing left.
    const again = await run(["import", "--yes", "--json"], cwd);
    expect(JSON.parse(again.stdout).imported).toEqual([]);
    expect(readFileSync(join(cwd, "mcp.json"), "utf8")).toBe(text);
  });

  test("takes a file inside a project only when it is named, with the project's folder", async () => {
    const cwd = folder();
    const project = place(
      "work/app/.vscode/mcp.json",
      '{"servers":{"run":{"command":"./run","args":["${workspaceFolder}/a"]}}}',
    );
    const listed = await run(["import", "--config", "mcp.json", "--json"], cwd);
    expect(listed.stderr).not.toContain("run (VS Code)");
    const { code, stdout } = await run(["import", project, "--yes", "--config", "mcp.json"], cwd);
    expect([code, stdout]).toEqual([0, expect.stringContaining("run")]);
    const own = JSON.parse(readFileSync(join(cwd, "mcp.json"), "utf8"));
    const root = join(home, "work", "app");
    expect(own.mcpServers).toEqual({
      run: { command: `${root}/./run`, args: [`${root}/a`], cwd: root },
    });
    expect(statSync(join(cwd, "mcp.json")).mode & 0o777).toBe(0o600);
  });

  test("takes only the servers and the client that are asked for", async () => {
    const cwd = folder();
    const flags = ["--only", "db", "--client", "claude-desktop", "--config", "mcp.json"];
    const { code, stdout } = await run(["import", ...flags, "--yes", "--json"], cwd);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      imported: [{ name: "db", client: "claude-desktop", reach: "npx" }],
      variables: ["DB_PASSWORD"],
    });
    const unknown = await run(["import", "--only", "nothing", "--yes"], cwd);
    expect([unknown.code, unknown.stderr]).toEqual([3, expect.stringContaining('"nothing"')]);
  });

  test("shows no control character of a file", async () => {
    const cwd = folder();
    const name = "a\u001b[2Jb";
    const entry = { command: "x\u0007", env: { ["E\u001b[1m"]: "1" } };
    writeFileSync(join(cwd, "x.json"), JSON.stringify({ mcpServers: { [name]: entry } }));
    const { stderr } = await run(["import", "x.json", "--config", "mcp.json"], cwd);
    expect(stderr).toContain("+ a [2Jb (");
    // deno-lint-ignore no-control-regex -- it is what must not be there
    expect(stderr).not.toMatch(/[\u0000-\u0009\u000b-\u001f]/);
  });

  test("refuses what it cannot read, and leaves our files", async () => {
    const cwd = folder();
    const missing = await run(["import", "none.json"], cwd);
    expect([missing.code, missing.stderr]).toEqual([3, expect.stringContaining("none.json")]);
    writeFileSync(join(cwd, "x.json"), '{"mcpServers": {"a": "hush"');
    const broken = await run(["import", "x.json"], cwd);
    expect([broken.code, broken.stderr]).toEqual([2, expect.stringContaining("line 1")]);
    writeFileSync(join(cwd, "y.json"), '{"a": 1}');
    expect((await run(["import", "y.json"], cwd)).code).toBe(2);
    writeFileSync(join(cwd, "mcp.json"), "{ broken");
    const own = await run(["import", "--yes"], cwd);
    expect([own.code, readFileSync(join(cwd, "mcp.json"), "utf8")]).toEqual([2, "{ broken"]);
    expect(broken.stderr + own.stderr).not.toContain("hush");
  });

  test("says that there is nothing to import where no client has a server and no mcp.json exists", async () => {
    const cwd = folder();
    const empty = { HOME: cwd, XDG_CONFIG_HOME: join(cwd, ".config") };
    const { code, stderr } = await run(["import", "--yes"], cwd, empty);
    expect([code, stderr]).toEqual([0, expect.stringContaining("Nothing to import.")]);
  });

  test("knows the running gateway in a client's file, on a port that only its start was given", async () => {
    const gateway = await spawnGateway({ servers: {} });
    try {
      const file = join(gateway.directory, "client.json");
      const list = { mcpServers: { all: { url: `${gateway.url}/profiles/a/mcp` } } };
      writeFileSync(file, JSON.stringify(list));
      const { code, stderr } = await run(["import", file, "--yes"], gateway.directory);
      expect([code, stderr]).toEqual([0, expect.stringContaining("it is this gateway")]);
    } finally {
      await gateway.dispose();
    }
  });

  test("gives a running gateway the servers and their variables at once", async () => {
    const gateway = await spawnGateway({ servers: {} });
    try {
      const { directory } = gateway;
      const file = join(directory, "client.json");
      // Without its variable such a server has a fault of configuration.
      writeFileSync(
        file,
        '{"mcpServers":{"late":{"url":"http://127.0.0.1:9/mcp?api_key=hush-9"}}}',
      );
      const { code } = await run(["import", file, "--yes"], directory);
      expect(code).toBe(0);
      expect(readFileSync(join(directory, ".env"), "utf8")).toBe("LATE_API_KEY=hush-9\n");
      const log = await until("the new server", () => {
        return /Read \S+mcp\.json again/.test(gateway.log()) ? gateway.log() : undefined;
      });
      expect(log).not.toContain("is not set");
      const health = await until("the state of the new server", async () => {
        const text = await (await fetch(`${gateway.url}/health`)).text();
        return text.includes("late") ? text : undefined;
      });
      expect(health).not.toContain("config");
      expect(gateway.log()).not.toContain("hush-9");
    } finally {
      await gateway.dispose();
    }
  });
});
