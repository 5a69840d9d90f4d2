/** Measures on each runtime in turn, with a driver for each, and then writes the page. */
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { sendSignal } from "../../test/support/processes.ts";
import {
  executable,
  programCommand,
  projectDirectory,
  type RuntimeName,
  runtimes,
} from "../../test/support/runtimes.ts";
import { within } from "../../test/support/wait.ts";
import type { Closing } from "./closing.ts";
import { writeChart } from "./draw_chart.ts";
import { toPage, withShortRows } from "./page.ts";
import type { RunResult } from "./results.ts";

const runMsMax = 3_600_000;

async function runDriver(
  runtime: RuntimeName,
  args: readonly string[],
  closing: Closing,
): Promise<void> {
  const { command, args: programArgs } = programCommand("bench/run.ts", ["e2e", ...args], runtime);
  const { MCP_TEST_RUNTIME: _, ...env } = process.env;
  const child = spawn(command, programArgs, { stdio: ["ignore", "inherit", "inherit"], env });
  const ended = new Promise<number | null>((resolve) => {
    child.once("exit", (code) => resolve(code));
    child.once("error", () => resolve(null));
  });
  let isOver = false;
  ended.then(() => isOver = true);
  // The driver closes what it has opened.
  await closing.open(() => Promise.resolve(), async () => {
    if (!isOver) sendSignal(child.pid, "SIGTERM");
    await ended;
  });
  const code = await within(`the run on ${runtime}`, ended, runMsMax);
  if (code !== 0) throw new Error(`The run on ${runtime} failed: its exit code is ${code}`);
}

/** Measures on all runtimes and writes the page, its chart, and the two rows of README. */
export async function writePage(
  path: string,
  args: readonly string[],
  closing: Closing,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "mcp-wrapper-bench-"));
  const isOption = (name: string) => (argument: string) => argument.startsWith(`--${name}=`);
  const passed = args.filter((argument) => !isOption("write")(argument));
  try {
    const runs: RunResult[] = [];
    for (const [at, runtime] of runtimes.entries()) {
      const json = join(folder, `${runtime}.json`);
      // Once is enough: the cost of other programs does not depend on the runtime next to them.
      const own = at === 0 ? passed : passed.filter((argument) => !isOption("peers")(argument));
      await runDriver(runtime, [...own, `--json=${json}`], closing);
      runs.push(JSON.parse(readFileSync(json, "utf8")) as RunResult);
    }
    writeFileSync(path, toPage(runs, ["bun bench e2e", ...args].join(" ")));
    const readme = join(projectDirectory, "README.md");
    writeFileSync(readme, withShortRows(readFileSync(readme, "utf8"), runs));
    const config = join(projectDirectory, "deno.json");
    spawnSync(executable("deno"), ["fmt", "--config", config, path, readme]);
    console.log(`wrote ${path} and ${writeChart(path)}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
