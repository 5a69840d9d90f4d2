/**
 * Runs the official conformance suite against the gateway in twelve set-ups: a server of the
 * handshake's era, one of the newer era and one of both, each over stdio and over HTTP, and for each
 * the requirements of 2025-11-25 and of 2026-07-28. All scored scenarios must pass, and those beyond
 * them that are named here. The scenarios for skills must pass through the gateway, and without it
 * at servers that have a URL. Each server's first run finds it cold. `MCP_TEST_RUNTIME` picks the
 * gateway's runtime; `--only NAME` makes one set-up's run (`dual-http-2026-07-28`) or, by the
 * beginning of the names, some. `--times N` makes each run so often, one after the other against the
 * same gateway and the same server: all must come to the same; with 0 only skills are left. With
 * `--instances` the gateway is three instances on one engine, behind a balancer without affinity.
 */
import type { ChildProcess } from "node:child_process";
import process from "node:process";
import { hasRedis, whyNoRedis } from "../support/redis_server.ts";
import { gatewayRuntime, programCommand, spawnGateway } from "../support/spawn_gateway.ts";
import { spawnInstances } from "../support/spawned_instances.ts";
import { startHttpFixture } from "./start_fixture.ts";
import { createSuite, type Scenario } from "./suite.ts";

/** The two sets: how many are scored, and what must pass beyond them. */
const requirements = [
  {
    revision: "2025-11-25",
    scored: 30,
    beyond: ["server-session-lifecycle", "server-sse-polling", "json-schema-2020-12"],
  },
  {
    revision: "2026-07-28",
    scored: 37,
    beyond: [
      "json-schema-2020-12",
      "http-header-validation",
      "http-custom-header-server-validation",
    ],
  },
];

/** The scenarios of the extension for skills, which no set requires. */
const skillScenarios = ["enumeration", "manifest", "directory"].map((name) =>
  `sep-2640-skills-${name}`
);

const kinds = [
  { name: "handshake", era: "legacy" },
  { name: "modern", era: "modern" },
  { name: "dual", era: "dual" },
];

/** The revisions that a fixture of an era speaks itself. */
const revisionsOf: Readonly<Record<string, readonly string[]>> = {
  legacy: ["2025-11-25"],
  modern: ["2026-07-28"],
  dual: ["2025-11-25", "2026-07-28"],
};

const setUps = kinds.flatMap(({ name, era }) =>
  ["stdio", "http"].map((transport) => ({ name: `${name}-${transport}`, era, transport }))
);

/** Prints what a run came to, and counts it; a scenario that did not run has failed. */
function report(
  label: string,
  run: (typeof requirements)[number],
  scenarios: readonly Scenario[],
) {
  const isBeyond = ({ name }: Scenario) => run.beyond.includes(name);
  const passed = scenarios.filter(({ ok }) => ok);
  const expected = run.scored + run.beyond.length;
  const beyond = passed.filter(isBeyond).length;
  console.log(
    `${label}: ${
      passed.length - beyond
    } of ${run.scored}, beyond them ${beyond} of ${run.beyond.length}`,
  );
  for (const { name, ok, faults, warnings } of scenarios) {
    if (!ok) console.log(`  failed: ${name}`);
    for (const fault of faults) console.log(`    ${fault}`);
    for (const id of warnings) console.log(`  advised, not met: ${name}: ${id}`);
  }
  const missing = run.beyond.filter((name) => scenarios.every((row) => row.name !== name));
  for (const name of missing) console.log(`  did not run: ${name}`);
  return { passed: passed.length, failed: Math.max(expected, scenarios.length) - passed.length };
}

/**
 * The scenarios of one run. Some of the suite's checks wait 600 ms for an answer, which a busy machine
 * may need for the start of a process: a scenario that failed is run once more by itself, and its
 * second run counts.
 */
async function runOnce(suite: ReturnType<typeof createSuite>, url: string, revision: string) {
  const { scenarios, output } = await suite(["server", "--url", url, "--requirements", revision]);
  const settled: Scenario[] = [];
  for (const scenario of scenarios) {
    // These servers have no tasks; run_tasks.ts runs the scenarios with one that has.
    if (scenario.name.startsWith("tasks-")) continue;
    if (scenario.ok) {
      settled.push(scenario);
      continue;
    }
    const { name } = scenario;
    const again = await suite(
      ["server", "--url", url, "--scenario", name, "--spec-version", revision],
    );
    const second = again.scenarios.find((one) => one.name === name) ?? scenario;
    console.log(`  run again: ${name}, ${second.ok ? "passed" : "failed"} the second time`);
    settled.push(second);
  }
  return { scenarios: settled, output };
}

/** The scenarios for skills at one URL. */
async function runSkills(
  suite: ReturnType<typeof createSuite>,
  url: string,
  revision: string,
): Promise<Scenario[]> {
  const found: Scenario[] = [];
  for (const name of skillScenarios) {
    const { scenarios, output } = await suite(
      ["server", "--url", url, "--scenario", name, "--spec-version", revision, "--force"],
    );
    if (scenarios.length === 0) console.log(output);
    found.push(...scenarios);
  }
  return found;
}

/** Prints and counts the scenarios for skills: all must pass. */
function reportSkills(label: string, scenarios: readonly Scenario[]) {
  const run = { revision: "", scored: 0, beyond: skillScenarios };
  return report(`${label}, skills`, run, scenarios);
}

/** What a run came to, to compare with the next. */
const resultOf = (scenarios: readonly Scenario[]) =>
  scenarios.map(({ name, ok, warnings }) => `${name}: ${ok} ${warnings}`).sort();

/** What is tested. */
interface Target {
  /** How a line names it. */
  readonly name: string;
  readonly port: number;
  log(): string;
  dispose(): Promise<void>;
}

async function openTarget(servers: Readonly<Record<string, unknown>>): Promise<Target> {
  if (!isSeveral) {
    const gateway = await spawnGateway({ env: { MCP_HOST: "localhost" }, servers });
    return { ...gateway, port: gateway.port, name: `gateway on ${gatewayRuntime}` };
  }
  const { balancer, all, dispose } = await spawnInstances({ servers });
  return {
    name: `${all.length} instances on ${gatewayRuntime}`,
    port: balancer.port,
    log: () => all.map((one) => one.log()).join("\n"),
    dispose,
  };
}

async function runAll(
  target: Target,
  fixtures: ReadonlyMap<string, string>,
  wanted: (label: string) => boolean,
  times: number,
) {
  const suite = createSuite();
  const total = { passed: 0, failed: 0 };
  for (const { name } of setUps) {
    for (const run of requirements) {
      const label = `${name}-${run.revision}`;
      if (!wanted(label)) continue;
      const url = `http://localhost:${target.port}/servers/${name}/mcp`;
      let first: string[] | undefined;
      for (let count = 1; count <= times; count += 1) {
        const { scenarios, output } = await runOnce(suite, url, run.revision);
        const which = times > 1 ? `, run ${count} of ${times}` : "";
        const counts = report(`${label}, ${target.name}${which}`, run, scenarios);
        if (scenarios.length === 0) console.log(output);
        total.passed += counts.passed;
        total.failed += counts.failed;
        const result = resultOf(scenarios);
        first ??= result;
        const other = result.filter((line) => first?.includes(line) !== true);
        for (const line of other) console.log(`  not as in the first run: ${line}`);
        total.failed += other.length;
      }
      const direct = fixtures.get(`${name}-${run.revision}`);
      const places = [
        [`${label}, ${target.name}`, url],
        ...(direct === undefined ? [] : [[`${label}, without a gateway`, direct]]),
      ] as const;
      for (const [place, at] of places) {
        const counts = reportSkills(place, await runSkills(suite, at, run.revision));
        total.passed += counts.passed;
        total.failed += counts.failed;
      }
    }
  }
  return total;
}

function argument(name: string): string | undefined {
  const at = process.argv.indexOf(name);
  return at < 0 ? undefined : process.argv[at + 1];
}

const only = argument("--only") ?? "";
const times = Number(argument("--times") ?? 1);
const isSeveral = process.argv.includes("--instances");
if (isSeveral && !hasRedis) {
  console.log(`0 passed, 0 failed, 1 skipped\nThe suite at several instances${whyNoRedis}`);
  process.exit(0);
}
const children: ChildProcess[] = [];
const servers: Record<string, unknown> = {};
/** Where the fixtures that serve HTTP are, by the runs that they can serve without a gateway. */
const fixtures = new Map<string, string>();
try {
  for (const { name, era, transport } of setUps) {
    if (!name.startsWith(only) && !only.startsWith(name)) continue;
    if (transport === "stdio") {
      servers[name] = programCommand(
        "test/conformance/fixture_stdio.ts",
        ["--era", era],
      );
    } else {
      const { url, child } = await startHttpFixture(era);
      children.push(child);
      servers[name] = { url };
      for (const revision of revisionsOf[era] ?? []) fixtures.set(`${name}-${revision}`, url);
    }
  }
  const target = await openTarget(servers);
  try {
    const { passed, failed } = await runAll(
      target,
      fixtures,
      (label) => label.startsWith(only),
      times,
    );
    if (failed > 0) console.log(`The gateway's log:\n${target.log()}`);
    console.log(`${passed} passed, ${failed} failed`);
    process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
  } finally {
    await target.dispose();
  }
} finally {
  for (const child of children) child.kill("SIGKILL");
}
