/**
 * `connect` for a gateway whose clients authenticate: each client gets what it needs, which is the
 * URL alone where it logs in, and else a header with the place for a key.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { clients } from "../../src/cli/clients/client_table.ts";
import { runHere } from "../support/run_cli.ts";

let folder = "";
beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), "mcp-wrapper-connect-access-"))));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What is shown for one client of a gateway with these kinds and settings. */
async function connect(
  kinds: string,
  args: readonly string[],
  oauth: object = {},
  env: Readonly<Record<string, string>> = {},
) {
  writeFileSync(join(folder, "mcp.json"), JSON.stringify({ mcpServers: {}, auth: { oauth } }));
  const outcome = await runHere(["connect", "--json", ...args], {
    cwd: folder,
    env: { MCP_AUTH: kinds, XDG_CONFIG_HOME: folder, ...env },
  });
  return { ...outcome, entry: outcome.code === 0 ? JSON.parse(outcome.stdout).entry : undefined };
}

const key = { Authorization: "Bearer KEY" };
const url = "http://localhost:8999/mcp";
/** The key for headers, and whether the client must register to log in. */
const byUrl: Readonly<Record<string, readonly [headersKey: string, registers: boolean]>> = {
  "claude-code": ["headers", false],
  "cursor": ["headers", true],
  "vscode": ["headers", false],
  "windsurf": ["headers", true],
  "zed": ["headers", false],
  "codex": ["http_headers", false],
  "gemini": ["headers", true],
  "goose": ["headers", true],
};

test("the table has every client", () => {
  expect(["claude-desktop", ...Object.keys(byUrl)].sort())
    .toEqual(clients.map(({ id }) => id).sort());
});

describe("a client that connects by URL", () => {
  for (const [id, [headersKey, registers]] of Object.entries(byUrl)) {
    test(`${id} gets the URL alone where it logs in, and else the place for a key`, async () => {
      const login = await connect("oauth", [id]);
      expect(Object.values(login.entry)).toContain(url);
      expect(login.entry[headersKey]).toBeUndefined();
      expect(login.stderr).toContain("needs the URL alone: it opens a browser to log in");
      expect(login.stderr).not.toContain("keys add");
      const both = await connect("oauth,key", [id]);
      expect([both.entry, both.stderr.includes("key")]).toEqual([login.entry, true]);
      const keyed = await connect("key", [id]);
      expect(keyed.entry).toEqual({ ...login.entry, [headersKey]: key });
      expect(keyed.stderr).toContain("mcp-wrapper keys add NAME");
      const hidden = await connect("oauth,key", [id], { discovery: false });
      expect(hidden.entry).toEqual(keyed.entry);
      const closed = await connect("oauth", [id], { registration: "off" });
      expect([id, closed.stderr.includes("has to register")]).toEqual([id, registers]);
      // Without authentication nothing is said.
      const open = await connect("none", [id]);
      expect([open.entry, open.stderr]).toEqual([
        login.entry,
        expect.not.stringContaining("log in"),
      ]);
    });
  }

  test("clients that log in get the public URL, for which alone the log-in is valid", async () => {
    const env = { MCP_PUBLIC_URL: "https://mcp.example.com/base" };
    const urlOf = async (kinds: string) => {
      const { entry, stderr } = await connect(kinds, ["cursor"], {}, env);
      return [entry.url, stderr.includes("/base")];
    };
    expect(await urlOf("oauth")).toEqual(["https://mcp.example.com/base/mcp", false]);
    expect(await urlOf("key")).toEqual([url, false]);
    expect(await urlOf("none")).toEqual([url, false]);
  });

  test("a placeholder is not written into a file", async () => {
    const { code, stderr } = await connect("key", ["cursor", "--write", "--yes"]);
    expect(code).toBe(2);
    expect(stderr).toContain("Cannot write an entry that cannot connect");
    expect(stderr).toContain("--header 'Authorization=Bearer KEY'");
  });

  test("a client that drops its headers where it can log in is named", async () => {
    const header = ["--header", "Authorization=Bearer mcpk_x"];
    const cursor = await connect("oauth,key", ["cursor", ...header]);
    expect(cursor.stderr).toContain("Cursor drops its headers where it finds a log-in");
    const hidden = await connect("oauth,key", ["cursor", ...header], { discovery: false });
    expect(hidden.stderr).not.toContain("drops");
    expect((await connect("oauth,key", ["zed", ...header])).stderr).not.toContain("drops");
  });
});

test("Claude Desktop starts a program, which needs no key, and can log in by a public URL", async () => {
  const plain = await connect("oauth,key", ["claude-desktop"]);
  expect([plain.entry.args.includes("stdio"), plain.entry.env]).toEqual([true, undefined]);
  expect(plain.stderr).not.toContain("connector");
  const env = { MCP_PUBLIC_URL: "https://mcp.example.com" };
  const publicly = await connect("oauth", ["claude-desktop"], {}, env);
  expect(publicly.stderr).toContain("add https://mcp.example.com/mcp as a custom connector");
});
