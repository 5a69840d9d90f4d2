/** A browser is opened where a person can see it, by the program of the system. */
import { expect, test } from "bun:test";
import { openBrowser } from "../../../src/cli/open_browser.ts";
import type { Platform } from "../../../src/cli/platform.ts";
import type { RunOptions, RunOutcome, System } from "../../../src/runtime/system.ts";

const url = "http://127.0.0.1:8999/oauth/connect/far?link=a&b=c";
const ended: RunOutcome = { code: 0, stdout: "", stderr: "", isLate: false };

/** Whether it was opened, and by which program. */
async function open(
  name: string,
  env: Record<string, string>,
  { isTerminal = true, run = async () => ended }: {
    readonly isTerminal?: boolean;
    readonly run?: (command: string, options: RunOptions) => Promise<RunOutcome>;
  } = {},
) {
  const commands: string[][] = [];
  const system: Partial<System> = {
    platform: name,
    isTerminal: () => isTerminal,
    run(command, options) {
      commands.push([command, ...options.args]);
      return run(command, options);
    },
  };
  const platform = { system, runtime: { env } } as unknown as Platform;
  return { isOpened: await openBrowser({ platform }, url), commands };
}

test("each system has its program, which gets the URL as one argument", async () => {
  const rows: [string, Record<string, string>, string[]][] = [
    ["darwin", {}, ["open", url]],
    ["win32", {}, ["rundll32", "url.dll,FileProtocolHandler", url]],
    ["linux", { DISPLAY: ":0" }, ["xdg-open", url]],
    ["linux", { WAYLAND_DISPLAY: "wayland-0" }, ["xdg-open", url]],
  ];
  for (const [system, env, command] of rows) {
    expect(await open(system, env)).toEqual({ isOpened: true, commands: [command] });
  }
});

test("without a screen, over SSH and in a script nothing is started", async () => {
  const nothing = { isOpened: false, commands: [] };
  expect(await open("linux", {})).toEqual(nothing);
  expect(await open("linux", { DISPLAY: "" })).toEqual(nothing);
  expect(await open("darwin", { SSH_CONNECTION: "1 2 3 4" })).toEqual(nothing);
  expect(await open("linux", { DISPLAY: ":0", SSH_TTY: "/dev/pts/1" })).toEqual(nothing);
  expect(await open("darwin", {}, { isTerminal: false })).toEqual(nothing);
});

test("a program that is missing or fails opens none", async () => {
  const missing = () => Promise.reject(Object.assign(new Error("no"), { code: "ENOENT" }));
  const failing = async () => ({ ...ended, code: 3 });
  for (const run of [missing, failing]) {
    expect((await open("darwin", {}, { run })).isOpened).toBe(false);
  }
});
