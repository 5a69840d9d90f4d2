/**
 * Runs the benchmarks. `bun bench` runs all that measure parts, and `bun bench NAME …` only those
 * named. The others run only if they are named: `e2e` (the end-to-end driver), `openapi` (reads
 * documents), `spare` (starts slow servers), `greedy` (fairness between two clients), `stalled`
 * (readers that stand still), `stored_sessions` (a start with many), `slow` (clients that hold
 * connections), `search` (of tools), `kills` (`kill -9` under load), `stops` (SIGTERM under load),
 * `soak` (faults for long), `nonces` (whose answer is whose), `inputs` (bad requests), `returns` (what
 * is left after disconnects and crashes), `outcomes` (calls that must not be repeated), `crashes` (of
 * a program that all share), `streams` (idle ones that are held), `instances` (several gateways that
 * are one) and `simulation` (100 instances on an engine). `reliability` makes the tables of
 * docs/reliability.md from stored rows. `chart` measures nothing and draws the chart of
 * docs/benchmarks.md again. Names come first, then the options of a driver. The same works under Deno.
 */
import { join } from "node:path";
import process from "node:process";
import { projectDirectory } from "../test/support/runtimes.ts";
import { measureSuite, type Suite, toReport } from "./suite.ts";
import { describeMachine } from "./support/machine.ts";

const given = process.argv.slice(2);
const firstOption = given.findIndex((argument) => argument.startsWith("--"));
const named = firstOption < 0 ? given : given.slice(0, firstOption);
const options = given.slice(named.length);

const parts: Readonly<Record<string, () => Promise<Suite[]>>> = {
  messages: async () => (await import("./messages.ts")).openSuites(),
  call_path: async () => (await import("./call_path.ts")).openSuites(),
  session_lookup: async () => await (await import("./session_lookup.ts")).openSuites(),
  sse_fanout: async () => (await import("./sse_fanout.ts")).openSuites(),
};
/** Separate programs, which end the process and read the options themselves. */
const drivers: Readonly<Record<string, () => Promise<unknown>>> = {
  e2e: async () => process.exit(await (await import("./e2e.ts")).runE2e(options)),
  openapi: () => import("./openapi.ts"),
  spare: () => import("./spare.ts"),
  greedy: () => import("./greedy.ts"),
  stalled: () => import("./stalled.ts"),
  stored_sessions: () => import("./stored_sessions.ts"),
  search: () => import("./search.ts"),
  kills: () => import("./kills.ts"),
  stops: () => import("./stops.ts"),
  slow: () => import("./slow.ts"),
  soak: () => import("./soak.ts"),
  nonces: () => import("./nonces.ts"),
  inputs: () => import("./inputs.ts"),
  returns: () => import("./returns.ts"),
  outcomes: () => import("./outcomes.ts"),
  crashes: () => import("./crashes.ts"),
  instances: () => import("./instances.ts"),
  streams: () => import("./streams.ts"),
  simulation: () => import("./simulation.ts"),
  reliability: () => import("./reliability.ts"),
  async chart() {
    const { writeChart } = await import("./e2e/draw_chart.ts");
    console.log(`wrote ${writeChart(join(projectDirectory, "docs", "benchmarks.md"))}`);
  },
};

const unknown = named.filter((name) => !(name in parts || name in drivers));
if (unknown.length > 0) {
  const known = [...Object.keys(parts), ...Object.keys(drivers)].join(", ");
  console.error(`Cannot run "${unknown.join(", ")}": expected ${known}`);
  process.exit(2);
}

/** Those that can measure a program of another project. */
const atPeers = ["crashes", "inputs", "kills", "nonces", "returns", "stalled", "streams"];
const atHome = named.find((name) => !atPeers.includes(name));
if (atHome !== undefined && given.some((option) => option.startsWith("--peer="))) {
  console.error(`Cannot run "${atHome}" with --peer: expected one of ${atPeers.join(", ")}`);
  process.exit(2);
}

const chosen = named.length > 0 ? named : Object.keys(parts);
const { runtime, machine, load } = describeMachine();
console.log(`${runtime}, ${machine}, ${load}`);
if (chosen.some((name) => name in parts)) {
  console.log("by the wall clock, median of 3 rounds (lowest to highest); then by CPU time\n");
}
for (const name of chosen) {
  await drivers[name]?.();
  for (const suite of await parts[name]?.() ?? []) {
    console.log(toReport(suite, await measureSuite(suite)));
    await suite.close();
  }
}
