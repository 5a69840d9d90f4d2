/** Where the program keeps its files, and where it runs the servers: seen from outside. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { type ChildProcess, spawn } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { sendSignal } from "../support/processes.ts";
import { programCommand, thisRuntime } from "../support/spawn_gateway.ts";
import { until, within } from "../support/wait.ts";

let folder = "";
let programs: ChildProcess[] = [];
beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "places-")));
  mkdirSync(join(folder, "work"));
  mkdirSync(join(folder, "config/mcp-wrapper"), { recursive: true });
  programs = [];
});
afterEach(() => {
  for (const program of programs) sendSignal(program.pid, "SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

/** Starts the program in the folder `work` of an account whose files are in `config` and `state`. */
function start(env: Record<string, string> = {}) {
  const { command, args } = programCommand(`src/main/${thisRuntime}.ts`, [], thisRuntime);
  const { PATH = "", HOME = "", DENO_DIR } = process.env;
  const child = spawn(command, args, {
    cwd: join(folder, "work"),
    env: {
      ...{ PATH, HOME, NO_COLOR: "1", MCP_PORT: "0", ...(DENO_DIR ? { DENO_DIR } : {}) },
      ...{ XDG_CONFIG_HOME: join(folder, "config"), XDG_STATE_HOME: join(folder, "state") },
      ...env,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  programs.push(child);
  let text = "";
  for (const output of [child.stdout, child.stderr]) output.on("data", (chunk) => text += chunk);
  const code = new Promise<number | null>((resolve) => child.once("close", resolve));
  return { child, text: () => text, code };
}

async function untilReads(program: ReturnType<typeof start>): Promise<string> {
  return await until(
    "the gateway to say where its files are",
    () => / (Reads \S+.* and keeps .*)/.exec(program.text())?.[1],
  ).catch((fault) => {
    throw new Error(`${fault.message}\n${program.text()}`);
  });
}

/** A server that writes down where it runs and what it was given, and then waits. */
const noting = (...args: string[]) => ({
  command: "/bin/sh",
  args: ["-c", `{ pwd; printf '%s\\n' "$@"; } > "$NOTE.part" && mv "$NOTE.part" "$NOTE"; cat`, "x"]
    .concat(args),
  env: { NOTE: join(folder, "note") },
});
const note = () =>
  until(
    "the server to say where it runs",
    () =>
      existsSync(join(folder, "note")) &&
      readFileSync(join(folder, "note"), "utf8").trim().split("\n"),
  );
const writeServers = (file: string, servers: object) =>
  writeFileSync(join(folder, file), JSON.stringify({ mcpServers: servers }));

test("from a folder without files of the gateway, the account's are used, .env included", async () => {
  writeServers("config/mcp-wrapper/mcp.json", { one: noting("./a") });
  writeFileSync(join(folder, "config/mcp-wrapper/.env"), "LOG_LEVEL=DEBUG\n");
  const program = start();
  expect(await untilReads(program)).toContain(
    `Reads ${join(folder, "config/mcp-wrapper/mcp.json")} and keeps its data in ${
      join(folder, "state/mcp-wrapper")
    } (the usual place of this account`,
  );
  expect(existsSync(join(folder, "state/mcp-wrapper/mcp-wrapper.db"))).toBe(true);
  expect(existsSync(join(folder, "work/data"))).toBe(false);
  expect(await note()).toEqual([join(folder, "config/mcp-wrapper"), "./a"]);
  await until("the variable of the .env to count", () => program.text().includes("DEBUG"));
});

test("an mcp.json of the current folder keeps everything there", async () => {
  writeServers("config/mcp-wrapper/mcp.json", {});
  writeServers("work/mcp.json", { one: noting("./a") });
  expect(await untilReads(start())).toBe(
    `Reads ${join(folder, "work/mcp.json")} and ` +
      `keeps its data in ${
        join(folder, "work/data")
      } (the current folder, since it has an mcp.json)`,
  );
  expect(existsSync(join(folder, "work/data/mcp-wrapper.db"))).toBe(true);
  expect(existsSync(join(folder, "state"))).toBe(false);
  expect(await note()).toEqual([join(folder, "work"), "./a"]);
});

test("a server of a checkout runs in the data folder, with the paths of the checkout", async () => {
  mkdirSync(join(folder, "work/node_modules"));
  writeFileSync(join(folder, "work/server.js"), "");
  writeServers("work/mcp.json", { one: noting("./a", "server.js", "-y") });
  await untilReads(start());
  expect(await note()).toEqual([
    ...[join(folder, "work/data"), join(folder, "work/a"), join(folder, "work/server.js"), "-y"],
  ]);
  // npx would otherwise take packages of the checkout, which is above.
  expect(JSON.parse(readFileSync(join(folder, "work/data/package.json"), "utf8")))
    .toMatchObject({ private: true });
});

test("the .env next to the configuration may move the data, but not the configuration", async () => {
  writeFileSync(join(folder, "config/mcp-wrapper/.env"), "MCP_DATA_DIR=./mine\n");
  const program = start();
  expect(await untilReads(program)).toContain(
    `keeps its data in ${join(folder, "config/mcp-wrapper/mine")} (MCP_DATA_DIR in `,
  );
  writeFileSync(join(folder, "config/mcp-wrapper/.env"), "MCP_CONFIG=/elsewhere.json\n");
  const refused = start();
  expect(await within("the program to end", refused.code)).toBe(2);
  expect(refused.text()).toContain("Cannot use MCP_CONFIG in ");
  // The environment comes before both files.
  const usual = join(folder, "config/mcp-wrapper/mcp.json");
  expect(await untilReads(start({ MCP_CONFIG: usual }))).toContain(
    `Reads ${usual} (MCP_CONFIG or --config says so)`,
  );
  // Anywhere else a file that is named must exist.
  const missing = start({ MCP_CONFIG: join(folder, "config/mcp.json") });
  expect(await within("the program to end", missing.code)).toBe(2);
  expect(missing.text()).toContain("no such file");
});
