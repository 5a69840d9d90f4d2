/**
 * The suites of the test command, as rows. `core` needs no program beyond the runtimes and runs on
 * all of them; its slow row runs on Bun and on the one of the others that the commit's hash chooses. The others use programs, servers and clients of other projects (from npm and PyPI); they
 * cost more than they tell about a runtime, so each runs on one, which the commit's hash chooses:
 * over some commits, every combination is seen. `source` looks at the project's own text and tools, and
 * `speed` measures: both run on Bun, where they are shortest. `bun run test:all` runs every combination
 * at once.
 */
import { readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { type RuntimeName, runtimes } from "./runtimes.ts";

/** One row: its test files, or the programs that count their tests themselves. */
export interface Suite {
  readonly name: string;
  readonly kind: "core" | "outside" | "source" | "speed";
  /** Paths below `test/`, or what they start with; a file belongs to the first row that has it. */
  readonly files?: readonly string[];
  /** Programs with their arguments; `MCP_TEST_RUNTIME` picks the gateway's runtime. */
  readonly programs?: readonly (readonly string[])[];
  /** `chosen`: of the other runtimes only the one that the commit chooses runs it. */
  readonly besidesBun?: "chosen";
  /** Whether the files of a folder share a process: they wait for nothing, so that starts count. */
  readonly isGrouped?: boolean;
}

const server = "test/conformance/run.ts";

/** The rows. */
export const suites: readonly Suite[] = [
  {
    name: "real servers",
    kind: "outside",
    files: ["e2e/real_servers.test.ts", "e2e/curl.test.ts"],
  },
  {
    name: "clients of each era",
    kind: "outside",
    files: ["e2e/eras.test.ts", "e2e/progress.test.ts", "e2e/first_hour.test.ts"],
  },
  {
    name: "client programs",
    kind: "outside",
    files: ["e2e/era_programs.test.ts"],
  },
  { name: "MCP Apps", kind: "outside", files: ["e2e/apps.test.ts"] },
  {
    name: "web APIs",
    kind: "outside",
    files: ["e2e/rest.test.ts", "e2e/rest_faults.test.ts", "e2e/openapi.test.ts"],
  },
  { name: "reverse proxy", kind: "outside", files: ["e2e/proxy"] },
  {
    name: "official suite, the gateway as server",
    kind: "outside",
    programs: ["handshake", "modern", "dual"].flatMap((era) =>
      ["stdio", "http"].map((transport) => [server, "--only", `${era}-${transport}`])
    ),
  },
  {
    name: "official suite, the gateway as client",
    kind: "outside",
    programs: [["test/conformance/run_client.ts"]],
  },
  { name: "the package", kind: "outside", files: ["package/"] },
  {
    name: "the source text and the benchmarks",
    kind: "source",
    files: ["tidy.test.ts", "contract/bench_scenarios.test.ts", "unit/bench_"],
  },
  { name: "unit", kind: "core", files: ["unit/"], isGrouped: true },
  { name: "processes and sockets", kind: "core", files: [""], besidesBun: "chosen" },
  { name: "speed", kind: "speed", programs: [["bench/run.ts", "e2e", "--short"]] },
];

/**
 * The kinds in their order, and how many pieces of one kind run at the same time. Most tests wait for
 * processes and clocks, so that more of them than the machine has processors cost each other little.
 * Speed is measured alone.
 */
export const stages: readonly { readonly kind: Suite["kind"]; readonly atOnce: number }[] = [
  { kind: "outside", atOnce: 3 },
  { kind: "source", atOnce: 3 },
  { kind: "core", atOnce: 4 },
  { kind: "speed", atOnce: 1 },
];

/** All test files below a folder, as paths with `/`. */
export function allTestFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .map((path) => path.replaceAll("\\", "/"))
    .filter((path) => path.endsWith(".test.ts"))
    .sort();
}

const owner = (path: string) =>
  suites.find(({ files }) => files?.some((start) => path.startsWith(start)));

/** The files of a suite, out of all. */
export const filesOf = (suite: Suite, all: readonly string[]): string[] =>
  all.filter((path) => owner(path) === suite).map((path) => join("test", path));

/** What runs in one process: the files of a folder, or each file by itself. */
export function piecesOf(suite: Suite, all: readonly string[]): [name: string, files: string[]][] {
  const files = filesOf(suite, all);
  return suite.isGrouped === true
    ? [...Map.groupBy(files, dirname)]
    : files.map((path) => [path, [path]]);
}

/** Where a suite runs: everywhere, or where the commit's hash says; on Bun where there is none. */
export function runtimesOf(suite: Suite, commit: string, all: boolean): readonly RuntimeName[] {
  if (all) return runtimes;
  if (suite.kind === "source" || suite.kind === "speed") return ["bun"];
  const digit = Number.parseInt(commit[suites.indexOf(suite)] ?? "", 16);
  const pick = (names: readonly RuntimeName[]): readonly RuntimeName[] =>
    names.slice(digit % names.length).slice(0, 1);
  const others = runtimes.filter((name) => name !== "bun");
  if (suite.besidesBun === "chosen") return ["bun", ...Number.isNaN(digit) ? [] : pick(others)];
  if (suite.kind === "core") return runtimes;
  return Number.isNaN(digit) ? ["bun"] : pick(runtimes);
}
