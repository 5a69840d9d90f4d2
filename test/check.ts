/**
 * Everything that CI checks: format, lint, types, then the suites (support/suites.ts). A line for
 * each check and each piece of a suite as it ends; at the end the failed tests alone, with their
 * errors, and the sum. `--static` stops after the types; `--all` runs every suite on every runtime.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import process from "node:process";
import { countCases, faultCases } from "./support/cases.ts";
import { providePath } from "./support/outside.ts";
import { killAll, runCommand } from "./support/run_command.ts";
import { executable, type RuntimeName, runtimes, thisRuntime, titles } from "./support/runtimes.ts";
import {
  allTestFiles,
  longPieces,
  piecesOf,
  runsPiece,
  runtimesOf,
  stages,
  type Suite,
  suites,
} from "./support/suites.ts";
import { check, judge, testFiles, testProgram, type Work } from "./support/work.ts";

/** A command that says nothing for so long hangs; there is no other limit on time. */
const silentMinutes = 5;
const msPerMinute = 60_000;
const root = dirname(import.meta.dirname);
const wants = (flag: string) => process.argv.includes(flag);
const environment: Record<string, string | undefined> = {
  ...process.env,
  CI: "true",
  MCP_TEST_PROGRAMS: "true",
  MCP_TEST_ALL: String(wants("--all")),
  NO_COLOR: "1",
  DENO_NO_UPDATE_CHECK: "1",
};
const options = {
  cwd: root,
  env: environment,
  silentMsMax: silentMinutes * msPerMinute,
};

/** One check of types at a time would leave the second processor idle. */
const staticAtOnce = 2;

const tsc = [executable("bun"), join(root, "node_modules", ".bin", "tsc"), "--project"];

/** The longest first, so that none is left alone at the end. */
const staticChecks: readonly Work[] = [
  check("types of the Deno side", [executable("deno"), "check", "src/main/deno.ts"]),
  check("types of tests and benchmarks", [...tsc, "test"]),
  check("format", [executable("deno"), "fmt", "--check"]),
  check("lint", [executable("deno"), "lint"]),
  check("types of the core", [...tsc, "."]),
  check("types of the operator's page", [...tsc, "src/page"]),
  check("types of the Bun side", [...tsc, "src/runtime"]),
  check("types of the Node side", [...tsc, "src/main"]),
  check("types of the package", [...tsc, "tsconfig.build.json", "--noEmit"]),
];

/** The sum, and what the end of the output says of each failure. */
const total = { passed: 0, failed: 0 };
const failures: string[] = [];
/** The tests that passed on each runtime. */
const passedNames = new Map<RuntimeName, string[]>(runtimes.map((name) => [name, []]));

async function run(work: Work): Promise<void> {
  const start = performance.now();
  const outcome = await runCommand(work.command, {
    ...options,
    env: { ...environment, ...work.env },
  });
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  const report = judge(work, outcome, silentMinutes);
  const { passed, failed, skipped, failures: found } = report;
  if (work.runtime) passedNames.get(work.runtime)?.push(...report.passedNames ?? []);
  total.passed += passed;
  total.failed += failed;
  for (const text of found) failures.push(`FAILED  ${work.name}\n${text}`);
  const counts = [
    `${passed} passed`,
    ...(failed > 0 ? [`${failed} failed`] : []),
    ...(skipped > 0 ? [`${skipped} skipped`] : []),
  ].join(", ");
  if (work.isShown) console.log(outcome.output.trimEnd().replace(/^/gm, "        "));
  console.log(`${failed > 0 ? "FAILED" : "ok    "}  ${work.name}  ${counts} (${seconds} s)`);
}

/** Runs pieces in their order, so many at a time. */
async function runAll(works: readonly Work[], atOnce: number): Promise<void> {
  const queue = [...works];
  const next = async () => {
    for (let work = queue.shift(); work !== undefined; work = queue.shift()) await run(work);
  };
  await Promise.all(Array.from({ length: atOnce }, next));
}

const isLong = ({ name }: Work) => longPieces.some((piece) => name.includes(piece));

/**
 * Merges lists evenly, so that work for the processor and waiting are always both under way; what
 * takes long comes into the first half.
 */
function mix(lists: readonly (readonly Work[])[]): Work[] {
  return lists.flatMap((works) =>
    works.map((work, at) => ({ work, place: (at + 0.5) / works.length / (isLong(work) ? 2 : 1) }))
  ).sort((a, b) => a.place - b.place).map(({ work }) => work);
}

function commitHash(): string {
  const { status, stdout } = spawnSync("git", ["rev-parse", "HEAD"], {
    cwd: root,
    encoding: "utf8",
  });
  return status === 0 ? stdout.trim() : "";
}

function worksOf(suite: Suite, commit: string, files: readonly string[], reports: string): Work[] {
  const all = wants("--all");
  return runtimesOf(suite, commit, all).flatMap((runtime) => [
    ...piecesOf(suite, files)
      .filter((_, place) => runsPiece(suite, commit, all, runtime, place))
      .map(([name, paths]) => testFiles(name, paths, runtime, reports)),
    ...(suite.programs ?? [])
      .filter((_, place) => runsPiece(suite, commit, all, runtime, place))
      .map((program) => testProgram(program, runtime, suite.kind === "speed")),
  ]);
}

/** Says where a suite runs, and why there. */
function announce(suite: Suite, commit: string): void {
  const all = wants("--all");
  const where = runtimesOf(suite, commit, all);
  const parts = all || commit === "" ? [] : [
    suite.oneOf === undefined ? "" : `, one of ${suite.oneOf} pieces`,
    suite.besidesBun === undefined
      ? ""
      : `, all files on Bun and one of ${suite.besidesBun} on each of the others`,
  ].filter((part) => part !== "");
  const isByCommit = !all && (parts.length > 0 || suite.kind === "outside" && !suite.isOnBun);
  const why = isByCommit
    ? `${parts.join("")}, chosen by commit ${commit.slice(0, 7) || "(none)"}`
    : "";
  console.log(`${suite.name}: on ${where.map((name) => titles[name]).join(", ")}${why}`);
}

async function runSuites(): Promise<void> {
  const commit = commitHash();
  const files = allTestFiles(join(root, "test"));
  const reports = mkdtempSync(join(tmpdir(), "mcp-wrapper-check-"));
  try {
    for (const { kinds, atOnce } of stages) {
      const chosen = suites.filter((suite) => kinds.includes(suite.kind));
      console.log();
      for (const suite of chosen) announce(suite, commit);
      const works = chosen.map((suite) => worksOf(suite, commit, files, reports));
      await runAll(mix(works), atOnce);
    }
  } finally {
    rmSync(reports, { recursive: true, force: true });
  }
}

/** Which cases A1 to H13 have a test that passed, on each runtime. */
function reportCases(): void {
  for (const [runtime, names] of passedNames) {
    const counts = countCases(names);
    const missing = faultCases.filter((id) => !counts.has(id));
    const rest = missing.length === 0 ? "" : `; without one: ${missing.join(", ")}`;
    const have = faultCases.length - missing.length;
    console.log(`${titles[runtime]}: ${have} of ${faultCases.length} cases passed a test${rest}`);
  }
}

/** Puts the runtimes and a new enough Node on PATH, and the dependencies into their folder. */
async function prepare(): Promise<boolean> {
  try {
    const others = runtimes.filter((name) => name !== thisRuntime);
    const programs = wants("--static") ? others : ["node" as const, ...others];
    const folders = providePath(programs, console.log);
    environment["PATH"] = [...folders, process.env["PATH"]].join(delimiter);
  } catch (fault) {
    console.error(fault instanceof Error ? fault.message : fault);
    return false;
  }
  const install = await runCommand([executable("bun"), "install", "--frozen-lockfile"], options);
  if (!install.ok) console.error(`${install.output}\nCannot install the dependencies of bun.lock`);
  return install.ok;
}

for (const [signal, code] of [["SIGINT", 130], ["SIGTERM", 143]] as const) {
  process.once(signal, () => {
    killAll();
    process.exit(code);
  });
}

if (!await prepare()) process.exit(1);
await runAll(staticChecks, staticAtOnce);
if (!wants("--static")) await runSuites();
for (const text of failures) console.log(`\n${text}`);
if (wants("--all")) {
  console.log();
  reportCases();
}
console.log(`\n${total.passed} passed, ${total.failed} failed`);
process.exitCode = total.failed > 0 ? 1 : 0;
