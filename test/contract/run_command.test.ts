/** How the test command runs a piece: it may take long, but not be silent for long. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { canReadProcesses, isAlive } from "../support/processes.ts";
import { runCommand } from "../support/run_command.ts";
import { startMsMax, until } from "../support/wait.ts";
import { judge, testFiles } from "../support/work.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "mcp-wrapper-run-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const run = (script: string, silentMsMax: number) =>
  runCommand(["sh", "-c", script], { cwd: folder, env: process.env, silentMsMax });

test("a command's output and success are reported", async () => {
  expect(await run("echo one; echo two >&2", startMsMax))
    .toEqual({ ok: true, output: "one\ntwo\n", hung: false });
  expect(await run("exit 3", startMsMax)).toEqual({ ok: false, output: "", hung: false });
  const options = { cwd: folder, env: process.env, silentMsMax: startMsMax };
  expect(await runCommand(["/no/such/program"], options)).toMatchObject({ ok: false });
});

test("one that takes longer than the allowed silence goes on as long as it prints", async () => {
  const { ok, output } = await run("for n in 1 2 3 4 5 6; do sleep 0.5; echo $n; done", 2_500);
  expect([ok, output]).toEqual([true, "1\n2\n3\n4\n5\n6\n"]);
});

test.skipIf(!canReadProcesses)("a silent one is killed with all its processes", async () => {
  const outcome = await run("sleep 300 & echo $! > pid; echo begun; wait", 500);
  expect(outcome).toEqual({ ok: false, output: "begun\n", hung: true });
  const pid = Number(readFileSync(join(folder, "pid"), "utf8"));
  await until("its child is gone", () => !isAlive(pid));
});

test.skipIf(!canReadProcesses)("processes that a command leaves behind are killed", async () => {
  const { ok, output } = await run("sleep 300 >/dev/null 2>&1 & echo $!", startMsMax);
  expect(ok).toBe(true);
  await until("the left one is gone", () => !isAlive(Number(output)));
});

test("a test file that hangs or reports no tests has failed, with the reason", () => {
  const work = testFiles("test/x.test.ts", ["test/x.test.ts"], "bun", folder);
  expect(work.name).toContain("test/x.test.ts");
  const hung = judge(work, { ok: false, output: "(pass) a\n", hung: true }, 5);
  expect(hung).toMatchObject({ passed: 0, failed: 1 });
  expect(hung.failures.join()).toContain("it said nothing for 5 minutes");
  expect(hung.failures.join()).toContain("(pass) a");
  const silent = judge(work, { ok: true, output: "", hung: false }, 5);
  expect(silent).toMatchObject({ passed: 0, failed: 1 });
  expect(silent.failures.join()).toContain("did not say how its tests went");
});

test("a file whose tests pass but whose process fails has failed", () => {
  const work = {
    ...testFiles("test/x.test.ts", ["test/x.test.ts"], "deno", folder),
    read: () => ({ passed: 2, failed: 0, skipped: 0, failures: [] }),
  };
  expect(judge(work, { ok: true, output: "", hung: false }, 5)).toMatchObject({ failed: 0 });
  const failed = judge(work, { ok: false, output: "a leak", hung: false }, 5);
  expect(failed).toMatchObject({ passed: 2, failed: 1 });
  expect(failed.failures.join()).toContain("a leak");
});
