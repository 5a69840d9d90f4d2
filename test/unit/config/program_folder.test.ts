/** Where the programs of an `mcp.json` run if their entries have no `cwd`. */
import { describe, expect, test } from "bun:test";
import { needsOwnPackage } from "../../../src/config/program_folder.ts";
import { readServers } from "../../../src/config/mcp_json.ts";
import { upstreamKinds } from "../../../src/upstream/upstream_kinds.ts";
import { own, shell, stdio } from "./read.ts";

/** What stands in the folder of the file: names of files, and of folders with a slash at the end. */
async function readIn(names: readonly string[], entry: object, dataDirectory = "/state") {
  const paths = names.map((name) => `/srv/${name}`);
  const config = await readServers({
    kinds: upstreamKinds,
    path: "/srv/mcp.json",
    env: shell,
    own,
    dataDirectory,
    exists: (path) =>
      path === "/srv" ||
      paths.some((one) => one === path || one === `${path}/` || `${path}/.` === `${one}.`) ||
      (path.endsWith("/.") && paths.includes(path.slice(0, -1))),
    readText: () => Promise.resolve(JSON.stringify({ mcpServers: { files: entry } })),
  });
  const { cwd, args } = stdio(config);
  return { cwd, args };
}

describe("a program without a cwd", () => {
  test("runs in the folder of mcp.json and gets its arguments unchanged", async () => {
    const args = ["./a", "../b", "server.js"];
    expect(await readIn(["server.js"], { command: "node", args })).toEqual({ cwd: "/srv", args });
  });

  test("runs in the data folder if mcp.json is in a checkout", async () => {
    expect((await readIn(["node_modules/"], { command: "npx" })).cwd).toBe("/state");
    expect((await readIn(["node_modules/"], { command: "npx" }, ":memory:")).cwd).toBe("/srv");
  });

  test("gets arguments that name files of the checkout as absolute paths", async () => {
    const names = ["node_modules/", "server.js", "run/", "docs/api/", "my file.txt"];
    const pairs = [
      ["./build/server.js", "/srv/build/server.js"],
      ["../other", "/other"],
      [".", "/srv"],
      ["server.js", "/srv/server.js"],
      ["my file.txt", "/srv/my file.txt"],
      ["docs/api", "/srv/docs/api"],
      ["--config=./a.json", "--config=/srv/a.json"],
      // No file of the checkout, or a word that means something else.
      ["run", "run"],
      ["-y", "-y"],
      ["@scope/package", "@scope/package"],
      ["https://example.com/./a", "https://example.com/./a"],
      ["/etc/./hosts", "/etc/./hosts"],
      ["", ""],
      [".hidden", ".hidden"],
    ] as const;
    const args = pairs.map(([given]) => given);
    expect((await readIn(names, { command: "node", args })).args)
      .toEqual(pairs.map(([, passed]) => passed));
  });
});

test("a cwd of the entry stays, and so do the arguments", async () => {
  const entry = { command: "node", args: ["./a"], cwd: "sub" };
  expect(await readIn(["node_modules/"], entry)).toEqual({ cwd: "/srv/sub", args: ["./a"] });
});

test("only a data folder inside the checkout needs a package of its own", () => {
  const inWork = (names: readonly string[], dataDirectory: string) =>
    needsOwnPackage({ folder: "/srv", dataDirectory, exists: (path) => names.includes(path) });
  expect(inWork(["/srv/node_modules"], "/srv/data")).toBe(true);
  expect(inWork(["/srv/node_modules", "/srv/data/package.json"], "/srv/data")).toBe(false);
  expect(inWork(["/srv/node_modules"], "/state")).toBe(false);
  expect(inWork([], "/srv/data")).toBe(false);
});
