/**
 * End to end: the gateway next to a bare proxy that only rewrites ids, each in front of the same
 * servers over stdio, and another commit of this repository or other projects' programs next to
 * both. All run at once; short loads alternate between them. What counts is the CPU time of each
 * process per request, and the ratio within each round. Linux (/proc), loopback, bounded in time and
 * count. Every ratio stands next to the figure to reach (e2e/figures.ts).
 *
 *   bun bench e2e                          deno task bench e2e
 *   … --only=echo_64,large_text            some scenarios (e2e/scenarios.ts, e2e/single_figures.ts)
 *   … --rounds=9 --seconds=0.6             how many loads, and how long each
 *   … --against=HEAD~30 --fail-above=1.10  next to another commit; fails when this tree is worse
 *   … --peers=mcp-proxy,mcp-hub            next to other programs (e2e/peers.ts)
 *   … --write=docs/benchmarks.md           on both runtimes, as a page
 *   … --short                              what CI runs: a minute, next to the merge base
 */
import { writeFileSync } from "node:fs";
import { canReadProcesses } from "../test/support/processes.ts";
import { writePage } from "./e2e/both_runtimes.ts";
import { closeOnSignal, type Closing, createClosing } from "./e2e/closing.ts";
import { measureRun } from "./e2e/driver.ts";
import { joinArguments, type Options, readOptions } from "./e2e/options.ts";
import { peers } from "./e2e/peers.ts";
import { reportFigures, reportWorse } from "./e2e/report.ts";
import { scenarios } from "./e2e/scenarios.ts";
import { runShort } from "./e2e/short.ts";
import { singleFigures } from "./e2e/single_figures.ts";

const namesOf = (rows: readonly { readonly name: string }[]) => rows.map(({ name }) => name);

async function runOnce(options: Options, closing: Closing): Promise<number> {
  const result = await measureRun(options, closing);
  console.log(reportFigures(result.rows));
  if (options.json !== undefined) writeFileSync(options.json, JSON.stringify(result));
  const worse = options.failAbove === undefined
    ? undefined
    : reportWorse(result.rows, options.failAbove);
  if (worse !== undefined) console.log(worse);
  return worse === undefined ? 0 : 1;
}

/** Runs the driver with its arguments; resolves with the exit code. */
export async function runE2e(args: readonly string[]): Promise<number> {
  let options: Options;
  try {
    options = readOptions(args, namesOf([...scenarios, ...singleFigures]), namesOf(peers));
  } catch (thrown) {
    console.error(thrown instanceof Error ? thrown.message : thrown);
    return 2;
  }
  if (!canReadProcesses) {
    console.error("Cannot measure CPU time here: this system has no /proc");
    // The test command skips what this system cannot do.
    if (options.isShort) console.log("0 passed, 0 failed, 1 skipped");
    return options.isShort ? 0 : 2;
  }
  const closing = createClosing();
  closeOnSignal(closing);
  try {
    if (options.isShort) return await runShort(closing);
    if (options.write === undefined) return await runOnce(options, closing);
    await writePage(options.write, joinArguments(args), closing);
    return 0;
  } catch (thrown) {
    // After a signal the loads fail because their targets are ended.
    if (!closing.isEnding) console.error(thrown);
    return 1;
  } finally {
    await closing.close();
  }
}
