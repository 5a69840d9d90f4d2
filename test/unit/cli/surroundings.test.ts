/** Which files of the current folder count for a command. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readSurroundings } from "../../../src/cli/surroundings.ts";
import { createNodeSystem } from "../../../src/runtime/node_system.ts";
import type { FileFacts } from "../../../src/runtime/system.ts";
import { createTestRuntime } from "../../support/fake_runtime.ts";

let folder = "";
beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "surroundings-")));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** The surroundings in the folder; `facts` changes what the system says of the files in it. */
async function read(facts: Partial<FileFacts> = {}) {
  const system = createNodeSystem();
  const runtime = await createTestRuntime();
  return await readSurroundings(
    {
      runtime: { ...runtime, env: { HOME: "/home/me" } },
      system: {
        ...system,
        homeFolder: "/home/me",
        describe(path) {
          const found = system.describe(path);
          return found && path !== folder ? { ...found, ...facts } : found;
        },
      },
      args: [],
      self: ["mcp-wrapper"],
      cwd: folder,
      remoteListener: "fast",
      onFault: () => {},
      exit: () => {},
      readPage: () => Promise.resolve(undefined),
    },
    {},
  );
}

test("files that another account put into a folder for all do not count", async () => {
  writeFileSync(join(folder, "mcp.json"), "{}");
  writeFileSync(join(folder, ".env"), "MCP_PORT=1\n");
  mkdirSync(join(folder, "data"));
  const outcomeOf = async (mode: number, isOwn: boolean) => {
    chmodSync(folder, mode);
    const { env, places } = await read({ isOwn });
    return [places.configPath.startsWith(folder), env["MCP_PORT"]];
  };
  expect(await outcomeOf(0o1777, false)).toEqual([false, undefined]);
  expect(await outcomeOf(0o1777, true)).toEqual([true, "1"]);
  // Where the others cannot write, they were asked to.
  expect(await outcomeOf(0o755, false)).toEqual([true, "1"]);
  rmSync(join(folder, "mcp.json"));
  expect(await outcomeOf(0o1777, false)).toEqual([false, undefined]);
});

test("a folder named .env, as of a virtual environment, is no file of variables", async () => {
  mkdirSync(join(folder, ".env"));
  writeFileSync(join(folder, "mcp.json"), "{}");
  expect((await read()).env).toEqual({ HOME: "/home/me" });
});
