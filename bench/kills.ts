/**
 * `kill -9` of the gateway under load, again and again: sessions open and end, calls report their
 * progress on streams, and the kill comes at a random moment. After each restart every session that
 * was acknowledged must be there, every one whose end was acknowledged must stay away, and every
 * call that was open must come to its answer, or to the outcome `unknown`, when its client resumes
 * its stream (cases G4 and C3). The row goes to a file as JSON.
 *
 *   bun bench kills                    deno run -A bench/run.ts kills
 *   … --cycles=10 --sessions=100 --calls=8 --seed=1 --json=FILE
 */
import { writeFileSync } from "node:fs";
import process from "node:process";
import { hostileCommand } from "../test/fault/hostile_command.ts";
import { createSeededRandom } from "../test/support/random.ts";
import { type SpawnedGateway, spawnGateway } from "../test/support/spawn_gateway.ts";
import { percentile } from "./e2e/results.ts";
import { type KillRun, playUntilKilled } from "./support/killed_load.ts";
import { checkAfterKill, type KillFaults } from "./support/killed_checks.ts";
import { describeMachine } from "./support/machine.ts";

const option = (name: string): string | undefined =>
  process.argv.find((argument) => argument.startsWith(`--${name}=`))?.split("=")[1];
const count = (name: string, fallback: number): number => Number(option(name) ?? fallback);
const cycles = count("cycles", 10);
const sessions = count("sessions", 100);
const calls = count("calls", 8);
const seed = count("seed", Math.floor(Math.random() * 2 ** 31));
const json = option("json");

const none: KillFaults = { lost: 0, revived: 0, endless: 0 };

/** One kill, one restart, and what was wrong after it. */
async function runCycle(gateway: SpawnedGateway, run: KillRun) {
  await playUntilKilled(gateway, run);
  const begun = performance.now();
  await gateway.restart();
  const readyMs = performance.now() - begun;
  return { readyMs, faults: await checkAfterKill(`${gateway.url}/mcp`, run) };
}

const gateway = await spawnGateway({
  servers: { kid: { ...hostileCommand(), isolation: "shared" } },
});
const ready: number[] = [];
let faults = none;
let resumed = 0;
const run: KillRun = {
  random: createSeededRandom(seed),
  sessionsMax: sessions,
  callsAtOnce: calls,
  alive: new Set(),
  ended: new Set(),
  unsure: new Set(),
  calling: new Set(),
  open: [],
};
try {
  for (let cycle = 0; cycle < cycles; cycle += 1) {
    const { readyMs, faults: found } = await runCycle(gateway, run);
    ready.push(readyMs);
    resumed += run.open.filter(({ stream }) => stream.lastId !== undefined).length;
    faults = {
      lost: faults.lost + found.lost,
      revived: faults.revived + found.revived,
      endless: faults.endless + found.endless,
    };
    run.open.length = 0;
  }
} finally {
  await gateway.dispose();
}

const row = {
  figure: "kills",
  ...describeMachine(),
  seed,
  cycles,
  sessions: run.alive.size,
  ended: run.ended.size,
  resumed,
  ...faults,
  readyMs: { p50: percentile(ready, 0.5), p99: percentile(ready, 0.99) },
};
console.log(JSON.stringify(row, null, 2));
if (json !== undefined) writeFileSync(json, `${JSON.stringify(row, null, 2)}\n`);
if (faults.lost + faults.revived + faults.endless > 0) process.exitCode = 1;
