/**
 * What the test command runs, piece by piece: some files of tests on one runtime, one program that
 * counts its tests itself, or one static check. Each piece knows its line in the output, its command,
 * and how to read what it did.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Outcome } from "./run_command.ts";
import { executable, nodeHooks, type RuntimeName, runtimes, titles } from "./runtimes.ts";
import { countsOfText, reportOfJunit, type TestReport } from "./test_report.ts";
import { testMsMax } from "./wait.ts";

/** One piece. */
export interface Work {
  readonly name: string;
  readonly command: readonly string[];
  /** The runtime of its tests, for files of tests. */
  readonly runtime?: RuntimeName;
  readonly env?: Readonly<Record<string, string>>;
  /** Whether its output is shown though it passed. */
  readonly isShown?: boolean;
  /** Undefined: the command did not say. */
  read(outcome: Outcome): TestReport | undefined;
}

const titleWidth = Math.max(...runtimes.map((name) => titles[name].length));

/** The last lines of an output, where nothing better says what went wrong. */
const tailLines = 200;
const tailOf = (text: string) => text.trimEnd().split("\n").slice(-tailLines).join("\n");

type TestCommand = (paths: readonly string[], report: string) => string[];

const testCommands: Readonly<Record<RuntimeName, TestCommand>> = {
  bun: (paths, report) => [
    ...[executable("bun"), "--no-env-file", "test", "--isolate", `--timeout=${testMsMax}`],
    ...["--reporter=junit", `--reporter-outfile=${report}`, ...paths.map((path) => `./${path}`)],
  ],
  deno: (paths, report) => [
    ...[executable("deno"), "test", "--allow-all", "--no-check", `--junit-path=${report}`],
    ...paths,
  ],
  node: (paths, report) => [
    ...[executable("node"), ...nodeHooks, "--test-force-exit"],
    ...["--test-reporter=spec", "--test-reporter-destination=stdout"],
    ...["--test-reporter=./test/support/node_reporter.ts"],
    ...[`--test-reporter-destination=${report}`, "test/support/node_files.ts", ...paths],
  ],
};

/** The tests of some files, in one process. */
export function testFiles(
  name: string,
  paths: readonly string[],
  runtime: RuntimeName,
  reports: string,
): Work {
  const report = join(reports, `${runtime}-${name.replaceAll("/", "-")}.xml`);
  return {
    runtime,
    name: `${titles[runtime].padEnd(titleWidth)}  ${name}`,
    command: testCommands[runtime](paths, report),
    read() {
      try {
        return reportOfJunit(readFileSync(report, "utf8"));
      } catch {
        return undefined;
      }
    },
  };
}

/** A program that ends with `N passed, N failed`. */
export function testProgram(
  command: readonly string[],
  runtime: RuntimeName,
  isShown: boolean,
): Work {
  return {
    isShown,
    name: `${titles[runtime].padEnd(titleWidth)}  ${command.join(" ")}`,
    command: [executable("bun"), "--no-env-file", ...command],
    env: { MCP_TEST_RUNTIME: runtime },
    read({ output }) {
      const counts = countsOfText(output);
      const failures = counts === undefined || counts.failed === 0 ? [] : [tailOf(output)];
      return counts && { ...counts, failures };
    },
  };
}

/** A command that passes or fails as one. */
export const check = (name: string, command: readonly string[]): Work => ({
  name,
  command,
  read: ({ ok, output }) => ({
    passed: ok ? 1 : 0,
    failed: ok ? 0 : 1,
    skipped: 0,
    failures: ok ? [] : [tailOf(output)],
  }),
});

/** What a piece came to. A command that failed, hung or counted nothing never counts as passed. */
export function judge(work: Work, outcome: Outcome, silentMinutes: number): TestReport {
  const report = work.read(outcome);
  const ran = report !== undefined && report.passed + report.failed + report.skipped > 0;
  if (ran && (outcome.ok || report.failed > 0) && !outcome.hung) return report;
  const why = outcome.hung
    ? `killed: it said nothing for ${silentMinutes} minutes; the test after the last one below hangs`
    : ran
    ? "its tests passed, and yet it failed"
    : "it did not say how its tests went";
  return {
    passed: report?.passed ?? 0,
    failed: (report?.failed ?? 0) + 1,
    skipped: report?.skipped ?? 0,
    failures: [...report?.failures ?? [], `${why}\n${tailOf(outcome.output)}`],
  };
}
