/**
 * The short form that CI runs, in about a minute: few scenarios, each next to its figures and next
 * to the commit that this tree started from. It ends with `N passed, N failed`, a scenario counting
 * as one test.
 */
import { gatewayRuntime } from "../../test/support/spawn_gateway.ts";
import { findBase } from "./base_commit.ts";
import { describeRevision } from "./checkout.ts";
import type { Closing } from "./closing.ts";
import { pinCores } from "./cores.ts";
import { createStarter, measureRow, openSides, type Sides } from "./driver.ts";
import type { Rates } from "./measure.ts";
import { reportRow } from "./report.ts";
import type { RowResult } from "./results.ts";
import { scenarios } from "./scenarios.ts";
import { breachesOf, judgeRow, type Verdict } from "./short_rule.ts";

const names = ["echo_16", "large_text", "handshake", "progress_10", "fan_out_200"];

const rates: Rates = {
  rounds: 3,
  seconds: 0.25,
  warmSeconds: 0.25,
  warmSecondsMax: 3,
  warmPart: 0.35,
};

/** The sides, next to the base commit where there is one that can be checked out. */
async function openShortSides(closing: Closing): Promise<Sides> {
  const cores = pinCores();
  const base = findBase();
  console.log(`the gateway on ${gatewayRuntime}, ${describeRevision()}; ${cores.note}`);
  if ("reason" in base) {
    console.log(`compared with no other commit: ${base.reason}\n`);
    return await openSides({ against: undefined, peers: [] }, cores, closing);
  }
  const sides = await openSides({ against: base.revision, peers: [] }, cores, closing);
  console.log(`compared with ${sides.other?.name}\n`);
  return sides;
}

function print(name: string, { outcome, reasons }: Verdict): void {
  const words = { passed: "ok", warned: "WARNING", failed: "FAILED" };
  console.log(`${words[outcome]}  ${[name, ...reasons].join("; ")}\n`);
}

/** Runs it; resolves with the exit code. */
export async function runShort(closing: Closing): Promise<number> {
  const sides = await openShortSides(closing);
  const start = createStarter(closing);
  const counts = { passed: 0, failed: 0 };
  for (const scenario of scenarios.filter(({ name }) => names.includes(name))) {
    const measure = async (): Promise<RowResult> => {
      const row = await measureRow(scenario, sides, start, rates, closing);
      console.log(reportRow(row));
      return row;
    };
    const first = await measure();
    const second = breachesOf(first).length > 0 ? await measure() : undefined;
    const verdict = judgeRow(first, second);
    print(scenario.name, verdict);
    counts[verdict.outcome === "failed" ? "failed" : "passed"] += 1;
  }
  console.log(`${counts.passed} passed, ${counts.failed} failed`);
  return counts.failed > 0 ? 1 : 0;
}
