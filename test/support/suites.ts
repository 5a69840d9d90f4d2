/**
 * The suites of the test command, as rows. `core` needs no program beyond the runtimes and runs on
 * all of them: whole on Bun, and a part on each of the others, which the commit's hash chooses. The
 * others use programs, servers and clients of other projects (from npm and PyPI); they cost more than
 * they tell about a runtime, so each runs on one, which the commit's hash chooses: over some commits,
 * every combination is seen. The longest of them run on Bun, where programs start fastest. `source` looks at the
 * project's own text and tools, and `speed` measures: both run on Bun, where they are shortest.
 * `bun run test:all` runs every combination at once.
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
  /** Of a suite that runs on all runtimes: those that are not Bun run one of so many pieces. */
  readonly besidesBun?: number;
  /** Of a suite that runs on one runtime: whether that is Bun, whatever the commit says. */
  readonly isOnBun?: boolean;
  /** Of a suite that runs on one runtime: it runs one of so many pieces; the commit chooses which. */
  readonly oneOf?: number;
  /** Whether the files of a folder share a process: they wait for nothing, so that starts count. */
  readonly isGrouped?: boolean;
}

const server = "test/conformance/run.ts";
/** Its set-ups. */
const setUps = ["handshake", "modern", "dual"].flatMap((era) => [`${era}-stdio`, `${era}-http`]);

/** Parts of the official suite with the gateway as client. */
const quarters = ["0", "1", "2", "3"];

/** The rows. */
export const suites: readonly Suite[] = [
  {
    name: "real servers",
    kind: "outside",
    oneOf: 2,
    files: [
      "e2e/real_servers.test.ts",
      "e2e/real_profiles.test.ts",
      "e2e/curl.test.ts",
      "e2e/tool_search.test.ts",
    ],
  },
  {
    name: "clients of each era",
    kind: "outside",
    oneOf: 2,
    files: ["e2e/eras.test.ts", "e2e/progress.test.ts", "e2e/first_hour.test.ts"],
  },
  {
    name: "client programs",
    kind: "outside",
    isOnBun: true,
    files: ["e2e/era_programs.test.ts"],
  },
  { name: "clients that log in", kind: "outside", files: ["e2e/oauth_clients.test.ts"] },
  { name: "MCP Apps", kind: "outside", files: ["e2e/apps.test.ts"] },
  {
    name: "the operator's page in a browser",
    kind: "outside",
    isOnBun: true,
    oneOf: 3,
    files: ["e2e/page.test.ts", "e2e/page_attacks.test.ts", "e2e/page_looks.test.ts"],
  },
  {
    name: "web APIs",
    kind: "outside",
    oneOf: 2,
    files: ["e2e/rest.test.ts", "e2e/rest_faults.test.ts", "e2e/openapi.test.ts"],
  },
  { name: "reverse proxy", kind: "outside", oneOf: 2, files: ["e2e/proxy"] },
  {
    name: "an engine of its own",
    kind: "outside",
    oneOf: 2,
    files: ["e2e/redis_", "contract/redis_", "contract/engine_"],
  },
  {
    name: "official suite, the gateway as server",
    kind: "outside",
    isOnBun: true,
    oneOf: 3,
    programs: setUps.map((name) => [server, "--only", name]),
  },
  {
    name: "official suite, several instances as server",
    kind: "outside",
    isOnBun: true,
    oneOf: 6,
    programs: setUps.map((name) => [server, "--instances", "--only", name]),
  },
  {
    name: "official suite, tasks and the search of tools",
    kind: "outside",
    isOnBun: true,
    oneOf: 2,
    programs: [["test/conformance/run_tasks.ts"], ["test/conformance/run_search.ts"]],
  },
  {
    name: "official suite, the gateway as client",
    kind: "outside",
    isOnBun: true,
    oneOf: quarters.length,
    programs: quarters.map((quarter) => ["test/conformance/run_client.ts", "--quarter", quarter]),
  },
  {
    name: "official suite, the gateway as authorization server",
    kind: "outside",
    programs: [["test/conformance/run_authorization.ts"]],
  },
  { name: "the package", kind: "outside", isOnBun: true, oneOf: 3, files: ["package/"] },
  {
    name: "the source text and the benchmarks",
    kind: "source",
    files: ["tidy.test.ts", "contract/bench_scenarios.test.ts", "unit/bench_"],
  },
  { name: "unit", kind: "core", files: ["unit/"], isGrouped: true, besidesBun: 8 },
  { name: "processes and sockets", kind: "core", files: [""], besidesBun: 24 },
  { name: "speed", kind: "speed", programs: [["bench/run.ts", "e2e", "--short"]] },
  { name: "faults under load", kind: "speed", programs: [["bench/run.ts", "soak"]] },
  {
    name: "several instances under load",
    kind: "speed",
    oneOf: 3,
    programs: [[], ["--kill", "--seconds=60"], ["--rolling"]].map((options) => [
      "bench/run.ts",
      "instances",
      "--sessions=20",
      ...options,
    ]),
  },
];

/**
 * What runs together, in its order, and how many pieces at the same time. Most tests wait for
 * processes and clocks, so that more of them than the machine has processors cost each other little.
 * Speed is measured alone.
 */
export const stages: readonly {
  readonly kinds: readonly Suite["kind"][];
  readonly atOnce: number;
}[] = [
  { kinds: ["outside", "source", "core"], atOnce: 4 },
  { kinds: ["speed"], atOnce: 1 },
];

/** Pieces that take longest: they belong into the first half, so that none is left alone at the end. */
export const longPieces: readonly string[] = [
  "conformance/run_client.ts",
  "contract/doctor.test.ts",
  "contract/commands_live.test.ts",
  "dual-stdio",
  "e2e/eras.test.ts",
  "e2e/era_programs.test.ts",
  "e2e/page",
  "e2e/real_servers.test.ts",
  "e2e/sessions.test.ts",
  "e2e/stdio_gateways.test.ts",
  "fault/",
  "handshake-stdio",
  "package/",
  "unit/protocol",
  "unit/upstream",
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
  const chosen = numberOf(suite, commit);
  if (chosen === undefined || suite.isOnBun === true) return ["bun"];
  return suite.kind === "core" ? runtimes : runtimes.slice(chosen % runtimes.length).slice(0, 1);
}

/** Whether a runtime of a suite runs the piece at this place of its list. */
export function runsPiece(
  suite: Suite,
  commit: string,
  all: boolean,
  runtime: RuntimeName,
  place: number,
): boolean {
  const parts = partsOn(suite, runtime);
  const chosen = numberOf(suite, commit);
  if (all || parts === undefined || chosen === undefined) return true;
  const others: readonly RuntimeName[] = runtimes.filter((name) => name !== "bun");
  const first = suite.oneOf !== undefined ? 0 : (others.indexOf(runtime) * parts) / others.length;
  // What is left of the number has already chosen the runtime.
  return (place + Math.floor(chosen / runtimes.length)) % parts === first;
}

/** A runtime of a suite runs one of so many pieces; undefined for all. */
export const partsOn = ({ oneOf, besidesBun }: Suite, runtime: RuntimeName): number | undefined =>
  oneOf ?? (runtime === "bun" ? undefined : besidesBun);

/** The two digits of the commit's hash that choose for a suite. */
function numberOf(suite: Suite, commit: string): number | undefined {
  const at = suites.indexOf(suite);
  const chosen = Number.parseInt(commit.slice(at, at + 2), 16);
  return Number.isNaN(chosen) ? undefined : chosen;
}
