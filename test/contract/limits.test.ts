/**
 * The limits given to a program apply everywhere: to its listener, its watched files and its end.
 */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runProgram as run } from "../../src/cli/program.ts";
import type { Platform } from "../../src/cli/platform.ts";
import { createNodeSystem } from "../../src/runtime/node_system.ts";
import type { System } from "../../src/runtime/system.ts";
import type { ServeOptions, SignalName, WatchLimits } from "../../src/runtime/runtime.ts";
import { createTestRuntime } from "../support/fake_runtime.ts";
import { within } from "../support/wait.ts";

const runtime = await createTestRuntime();
const system: System = {
  ...createNodeSystem(),
  write(_stream, text) {
    said += text;
    return Promise.resolve();
  },
};
let said = "";
let folder = "";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "limits-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Runs a gateway as a program on a runtime that notes what it is asked for. */
async function runProgram(limits: Platform["limits"]) {
  const served: ServeOptions[] = [];
  const watched: (WatchLimits | undefined)[] = [];
  let signal: (name: SignalName) => void = () => {};
  let exit: (code: number) => void = () => {};
  const exited = new Promise<number>((resolve) => exit = resolve);
  await run({
    runtime: {
      ...runtime,
      env: { MCP_PORT: "0", MCP_DATA_DIR: join(folder, "data"), MCP_BODY_MAX_MB: "1" },
      serve(options) {
        served.push(options);
        return runtime.serve(options);
      },
      watch(path, changed, bounds) {
        watched.push(bounds);
        return runtime.watch(path, changed, bounds);
      },
      onSignal(handler) {
        signal = handler;
        return () => {};
      },
    },
    system,
    args: [],
    self: ["mcp-wrapper"],
    cwd: folder,
    remoteListener: "fast",
    onFault: () => {},
    exit: (code) => exit(code),
    readPage: () => Promise.resolve(undefined),
    ...(limits === undefined ? {} : { limits }),
  });
  return { served, watched, stop: () => signal("SIGTERM"), exited };
}

test("the limits of a program reach its listener, its watched files and the time of its end", async () => {
  const limits = { headersMs: 2_345, listenerBodyBytesMax: 10, watchPollMs: 1_234, drainMs: 1_111 };
  const program = await runProgram(limits);
  expect(program.served[0]?.limits).toMatchObject({ headersMs: 2_345 });
  expect(program.served[0]?.bodyBytesMax).toBe(1024 * 1024 + 10);
  expect(program.watched[0]).toMatchObject({ watchPollMs: 1_234 });
  program.stop();
  expect(await within("the program to stop", program.exited)).toBe(0);
  expect(readFileSync(join(folder, "data/logs/server.log"), "utf8")).toContain("1111");
});

test("limits that break a relation stop the start, and the error names the relation", async () => {
  said = "";
  const program = await runProgram({ sseCommitMs: 20_000 });
  expect(await program.exited).toBe(1);
  expect(said).toBe(
    "Cannot use these limits: expected sseCommitMs (20000) < sseCommitLateMs (10000), " +
      "since the late commit leaves an error more time for its status\n",
  );
});
