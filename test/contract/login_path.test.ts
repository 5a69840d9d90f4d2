/**
 * PATH of the login shell: a gateway that no terminal started finds the programs of the account,
 * says so once, and waits for no shell otherwise. The shells are real where this machine has them.
 */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import {
  chmodSync,
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
import { findProgram, isSystemPath, splitPath } from "../../src/config/find_program.ts";
import { sendSignal } from "../support/processes.ts";
import { programCommand, thisRuntime } from "../support/spawn_gateway.ts";
import { until } from "../support/wait.ts";

const systemPath = "/usr/local/bin:/usr/bin:/bin";
let folder = "";
let programs: ChildProcess[] = [];
beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "login-path-")));
  mkdirSync(join(folder, "own/bin"), { recursive: true });
  write("own/bin/program-of-mine", `#!/bin/sh\necho "$PATH" > ${folder}/seen; exec cat\n`);
  const servers = { mine: { command: "program-of-mine" } };
  write("mcp.json", JSON.stringify({ mcpServers: servers }));
  programs = [];
});
afterEach(() => {
  for (const program of programs) sendSignal(program.pid, "SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

function write(name: string, text: string): string {
  writeFileSync(join(folder, name), text);
  chmodSync(join(folder, name), 0o700);
  return join(folder, name);
}

/** Starts a gateway whose home folder is the test's own; its outputs are no terminals. */
function start(env: Record<string, string>) {
  const { command, args } = programCommand(`src/main/${thisRuntime}.ts`, [], thisRuntime);
  const { DENO_DIR = join(process.env["HOME"] ?? "", ".cache/deno") } = process.env;
  const child = spawn(command, args, {
    cwd: folder,
    env: { PATH: systemPath, HOME: folder, MCP_PORT: "0", NO_COLOR: "1", DENO_DIR, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  programs.push(child);
  let text = "";
  for (const output of [child.stdout, child.stderr]) output.on("data", (chunk) => text += chunk);
  return () => text;
}

const untilSaid = async (text: () => string, said: RegExp) =>
  (await until(`the gateway to say ${said}`, () => said.exec(text()))
    .catch((fault) => {
      throw new Error(`${fault.message}\n${text()}`);
    }))[0];

/** What each shell reads at a login. */
const shells = [
  ["bash", ".bash_profile", (path: string) => `export PATH="${path}:$PATH"`],
  ["zsh", ".zprofile", (path: string) => `export PATH="${path}:$PATH"`],
  ["fish", ".config/fish/config.fish", (path: string) => `set -gx PATH ${path} $PATH`],
  ["sh", ".profile", (path: string) => `export PATH="${path}:$PATH"`],
] as const;

describe("the PATH of the login shell", () => {
  for (const [name, file, line] of shells) {
    const shell = spawnSync("sh", ["-c", `command -v ${name}`], { encoding: "utf8" }).stdout.trim();
    test.skipIf(shell === "")(`is read from ${name}, whatever its files print`, async () => {
      mkdirSync(join(folder, ".config/fish"), { recursive: true });
      write(file, `echo hello\n${line(`${folder}/own/bin`)}\necho PATH=/wrong\n`);
      const text = start({ SHELL: shell });
      await until(
        "the server to start",
        () => existsSync(join(folder, "seen")) && readFileSync(join(folder, "seen"), "utf8") !== "",
      );
      expect(readFileSync(join(folder, "seen"), "utf8").trim().split(":"))
        .toEqual(expect.arrayContaining([`${folder}/own/bin`, ...systemPath.split(":")]));
      await untilSaid(text, /Uses the PATH/);
      expect(text().match(/Uses the PATH of the login shell/g)?.length).toBe(1);
      expect(text()).toContain(`that of this process lacks ${folder}/own/bin`);
    });
  }

  test("is not waited for longer than 5 s, and a background program does not hold it up", async () => {
    const began = performance.now();
    const shell = write("own/bash", "#!/bin/sh\nsleep 60 & sleep 60\n");
    const text = start({ SHELL: shell });
    await untilSaid(text, /WARN .*Cannot read the PATH of the login shell .*: no answer in 5 s/);
    expect(performance.now() - began).toBeLessThan(20_000);
    const prompt = write(
      "own/zsh",
      `#!/bin/sh\nsleep 60 &\nexport PATH="${folder}/own/bin:$PATH"\neval "$4"\n`,
    );
    await untilSaid(
      start({ SHELL: prompt, MCP_DATA_DIR: "./other" }),
      /Uses the PATH of the login shell/,
    );
  });

  test("is not asked for if PATH has all programs, or other machines reach the gateway", async () => {
    const shell = write("own/bash", `#!/bin/sh\ntouch ${folder}/asked\n`);
    const found = { SHELL: shell, PATH: `${folder}/own/bin:${systemPath}` };
    await untilSaid(start(found), /Reads /);
    const reached = { MCP_HOST: "0.0.0.0", MCP_ALLOW_UNAUTHENTICATED: "true" };
    await untilSaid(start({ SHELL: shell, MCP_DATA_DIR: "./other", ...reached }), /Reads /);
    expect(existsSync(join(folder, "asked"))).toBe(false);
  });

  test("does not matter to a shell that is none", async () => {
    const text = start({ SHELL: "/usr/sbin/nologin" });
    await untilSaid(text, /Reads /);
    expect(text()).not.toContain("login shell");
  });
});

test("a command is found in the first folder of PATH that has it", () => {
  const isProgram = (path: string) => ["/b/x", "/c/x", "/d/y"].includes(path);
  expect(findProgram("x", "/a:/b/:relative::/c", isProgram)).toBe("/b/x");
  expect(findProgram("y", "/a:/b", isProgram)).toBe(undefined);
  expect(findProgram("/d/y", "", isProgram)).toBe("/d/y");
  expect(splitPath("/a:/a/:/:b:")).toEqual(["/a", "/"]);
});

test("the PATH of a service has no folder of an account", () => {
  expect(isSystemPath(systemPath)).toBe(true);
  expect(isSystemPath("")).toBe(true);
  expect(isSystemPath(`${systemPath}:/home/me/.local/bin`)).toBe(false);
  expect(isSystemPath(`/opt/homebrew/bin:${systemPath}`)).toBe(false);
});
