/**
 * A mixed load for long, with a random fault every few seconds: clients with sessions and without
 * call programs and remote servers, some of which are killed, cut off, slowed down or flood. Calls
 * to the others must all succeed, each call must end, and the gateway's memory must not rise.
 *
 *   bun bench soak                     deno run -A bench/run.ts soak
 *   … --minutes=60                     the figure; --minutes=10, or --seconds=10 (the default)
 *   … --seed=1                         the same faults in the same order
 *   … --every=5 --clients=8 --pause=50 --json=FILE
 *
 * It fails if less than 99.99 % of the unaffected calls succeed, if an answer belongs to another
 * call, if a call does not end, or if memory rises by 1 MB in 10 minutes after the warm-up, which is
 * judged from 10 minutes on.
 */
import { hostileCommand } from "../test/fault/hostile_command.ts";
import { canReadProcesses, residentBytes } from "../test/support/processes.ts";
import { createSeededRandom } from "../test/support/random.ts";
import { spawnGateway } from "../test/support/spawn_gateway.ts";
import { percentile } from "./e2e/results.ts";
import { finish, numberOption as number, seedOption } from "./support/row.ts";
import { lowestOf, type Sample, slopeOf } from "./support/slope.ts";
import { faultOrder, type FaultScene, happen } from "./support/soak_faults.ts";
import { noCounts, playSessions, playStateless, type SoakCounts } from "./support/soak_load.ts";
import { serveSoakRemote } from "./support/soak_remote.ts";

const msPerSecond = 1_000;
const msPerMinute = 60 * msPerSecond;
const bytesPerMegabyte = 1_000_000;
const judgedMsMin = 10 * msPerMinute;
const successMin = 0.9999;
const slopeMax = 1;

const runMs = number("minutes", 0) * msPerMinute || number("seconds", 10) * msPerSecond;
/** A short run has each kind of fault at least once. */
const everyMs = number("every", runMs < msPerMinute ? 1.5 : 5) * msPerSecond;
const clients = number("clients", 8);
const seed = seedOption();
/** The first fifth of a run fills caches and lets the runtime compile. */
const warmUpMs = runMs / 5;

const [far, struckFar] = [await serveSoakRemote("calm-far"), await serveSoakRemote("struck-far")];
const struck = { callTimeoutMs: 5 * msPerSecond };
const gateway = await spawnGateway({
  servers: {
    calm: hostileCommand(),
    "calm-far": { url: far.url },
    // Shared, so that its end strikes the calls of all.
    struck: { ...hostileCommand(), ...struck, isolation: "shared" },
    "struck-far": { url: struckFar.url, ...struck },
  },
});
const begun = performance.now();
const passed = () => performance.now() - begun;
const memory: Sample[] = [];
const happened: Record<string, number> = {};
const [unaffected, affected] = [noCounts(), noCounts()];

async function sampleMemory(): Promise<void> {
  while (canReadProcesses && passed() < runMs) {
    memory.push({ ms: passed(), value: residentBytes(gateway.pid) });
    await new Promise((resolve) => setTimeout(resolve, msPerSecond / 2));
  }
}

async function letFaultsHappen(scene: FaultScene): Promise<void> {
  const order = faultOrder(createSeededRandom(seed));
  for (let at = everyMs / 2; at < runMs; at += everyMs) {
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, at - passed())));
    const name = order.next().value;
    happened[name] = (happened[name] ?? 0) + 1;
    await happen(name, scene);
  }
}

/** Two in three clients have sessions. */
function play(servers: readonly string[], counts: SoakCounts, count: number): Promise<void>[] {
  const run = {
    url: gateway.url,
    random: createSeededRandom(seed + count),
    isOver: () => passed() >= runMs,
    pauseMs: number("pause", 50),
  };
  return Array.from(
    { length: count },
    (_, at) =>
      at % 3 === 2 ? playStateless(run, servers, counts) : playSessions(run, servers, counts),
  );
}

try {
  await Promise.all([
    sampleMemory(),
    letFaultsHappen({ url: gateway.url, port: gateway.port, remote: struckFar }),
    ...play(["calm", "calm-far"], unaffected, clients),
    ...play(["struck", "struck-far"], affected, Math.ceil(clients / 2)),
  ]);
} finally {
  await gateway.dispose();
  far.close();
  struckFar.close();
}

const totalOf = ({ answered, failed, wrong, unsettled }: SoakCounts) =>
  answered + failed + wrong + unsettled;
const rowOf = ({ tookMs, ...counts }: SoakCounts) => ({
  calls: totalOf(counts as SoakCounts),
  ...counts,
  p50Ms: percentile(tookMs, 0.5),
  p99Ms: percentile(tookMs, 0.99),
});
const settledMemory = memory.filter(({ ms }) => ms >= warmUpMs);
const slope = slopeOf(lowestOf(settledMemory, Math.max(msPerSecond, runMs / 60))) *
  judgedMsMin / bytesPerMegabyte;
const success = unaffected.answered / totalOf(unaffected);
const isSlopeJudged = runMs >= judgedMsMin && canReadProcesses;
const row = {
  seed,
  seconds: runMs / msPerSecond,
  faults: happened,
  unaffected: { success, ...rowOf(unaffected) },
  affected: rowOf(affected),
  memory: {
    megabytes: [memory[0], settledMemory[0], memory.at(-1)]
      .map((sample) => Math.round((sample?.value ?? 0) / bytesPerMegabyte)),
    megabytesIn10Minutes: slope,
    isJudged: isSlopeJudged,
  },
};
finish("soak", row, [
  ["99.99 % of the unaffected calls succeed", success >= successMin],
  ["each answer belongs to its call", unaffected.wrong + affected.wrong === 0],
  ["each call ends", unaffected.unsettled + affected.unsettled === 0],
  ["memory does not rise", !isSlopeJudged || slope < slopeMax],
]);
