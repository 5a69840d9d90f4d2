/** The texts by which clients are connected, as the operator's page shows them. */
import { expect, test } from "bun:test";
import type { AuthConfig } from "../../../src/config/config.ts";
import { clients } from "../../../src/cli/clients/client_table.ts";
import { makeSnippets } from "../../../src/cli/clients/client_snippets.ts";
import { addressAt } from "../../../src/cli/clients/gateway_address.ts";
import type { CommandContext } from "../../../src/cli/command.ts";
import { createNodeSystem } from "../../../src/runtime/node_system.ts";

const around = {
  platform: {
    system: {
      ...createNodeSystem(),
      platform: "linux",
      homeFolder: "/home/ann",
      describe: () => undefined,
    },
    self: ["mcp-wrapper"],
    cwd: "/srv",
  },
  places: { configPath: "/srv/mcp.json", isUsualConfig: true, dataDirectory: "/srv/data" },
  env: { HOME: "/home/ann" },
} as unknown as CommandContext;

const url = "http://localhost:8999";
const publicUrl = "https://mcp.example.com";
const snippets = async (auth?: AuthConfig, reached: string | undefined = undefined) => {
  const all = await makeSnippets(around, { url, publicUrl: reached, auth });
  return (id: string) => {
    const found = all.find((one) => one.id === id);
    if (found === undefined) throw new Error(`No snippet for ${id}`);
    return found;
  };
};

test("each known client has a text in its own language, and the file that it belongs in", async () => {
  const of = await snippets();
  for (const { id, label } of clients) {
    const { title, text, file, notes } = of(id);
    expect([id, title, notes]).toEqual([id, label, []]);
    expect(text).toContain("mcp-wrapper");
    expect(file).toMatch(/^\/home\/ann\//);
  }
  expect(JSON.parse(of("claude-code").text)).toEqual({
    mcpServers: { "mcp-wrapper": { type: "http", url: `${url}/mcp` } },
  });
  expect(JSON.parse(of("claude-desktop").text).mcpServers["mcp-wrapper"]).toMatchObject({
    command: "mcp-wrapper",
    args: ["stdio", "--config", "/srv/mcp.json", "--data", "/srv/data"],
  });
  expect([of("codex").language, of("goose").language, of("zed").language])
    .toEqual(["toml", "yaml", "json"]);
  expect(of("codex").text).toContain("[mcp_servers.mcp-wrapper]");
});

test("what a launcher fetched is fetched again, and a program that stays is started where it is", async () => {
  const cache = "/home/ann/.npm/_npx/5c4f/node_modules";
  const clone = "/srv/clone/src/main/bun.ts";
  const rows = [
    [["/usr/bin/node", `${cache}/mcp-wrapper/dist/main/bin.js`], "npx -y mcp-wrapper stdio"],
    [["/usr/bin/bun", "/tmp/bunx-0-mcp-wrapper@1/bin.js"], "npx -y mcp-wrapper stdio"],
    [
      [`${cache}/bun/bin/bun.exe`, "--no-env-file", clone],
      `npx -y bun --no-env-file ${clone} stdio`,
    ],
    [["/usr/bin/bun", "--no-env-file", clone], `/usr/bin/bun --no-env-file ${clone} stdio`],
  ] as const;
  for (const [self, expected] of rows) {
    const context = { ...around, platform: { ...around.platform, self } } as CommandContext;
    const { command, args } = addressAt(context, url, {}, undefined);
    expect([command, ...args].join(" ")).toContain(`${expected} --config`);
  }
});

test("clients that have a link or a command of their own get both", async () => {
  const of = await snippets();
  expect(of("cursor").link).toMatch(/^cursor:\/\/anysphere\.cursor-deeplink\/mcp\/install\?/);
  expect(of("vscode").link).toMatch(/^vscode:mcp\/install\?/);
  expect(of("windsurf").link).toBe(undefined);
  expect(of("codex").command).toEqual([
    "codex",
    "mcp",
    "add",
    "mcp-wrapper",
    "--url",
    `${url}/mcp`,
  ]);
});

test("where clients need a key, a placeholder stands for it, and no link adds it", async () => {
  const of = await snippets({ kinds: ["key"], settings: {} });
  expect(of("cursor").text).toContain("Bearer KEY");
  expect(of("cursor").notes.join(" ")).toContain("mcp-wrapper keys add NAME");
  for (const { id } of clients) {
    expect([id, of(id).link, of(id).command]).toEqual([id, undefined, undefined]);
  }
});

test("where clients log in, they get the public URL", async () => {
  const of = await snippets({ kinds: ["oauth"], settings: {} }, publicUrl);
  expect(of("claude-code").text).toContain(`${publicUrl}/mcp`);
  expect(of("claude-code").notes.join(" ")).toContain("opens a browser to log in");
  expect(of("cursor").link).toBeDefined();
});
