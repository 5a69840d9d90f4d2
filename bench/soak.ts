/**
 * A mixed load for long, with a random fault every few seconds: clients with sessions and without
 * call programs and remote servers, some of which are killed, cut off, slowed down or flood. Calls
 * to the others must all succeed, each call must end, and the gateway's memory must not rise.
 *
 *   bun bench soak                     deno run -A bench/run.ts soak
 *   … --minutes=60 --store             the figure, in slices of a minute; --minutes=10, or
 *                                      --seconds=10 (the default)
 *   … --seed=1                         the same faults in the same order
 *   … --every=5 --clients=8 --pause=50 --json=FILE --restart
 *
 * It fails if less than 99.99 % of the unaffected calls succeed, if an answer belongs to another
 * call, if a call does not end, or if memory rises by 1 MB in 10 minutes after the warm-up, which is
 * judged from 10 minutes on. A start that goes on with a row has a gateway of its own, with a
 * warm-up of its own; the slope of memory is what all of them have in common.
 */
import { hostileCommand } from "../test/fault/hostile_command.ts";
import { canReadProcesses, residentBytes } from "../test/support/processes.ts";
import { createSeededRandom } from "../test/support/random.ts";
import { spawnGateway } from "../test/support/spawn_gateway.ts";
import { latencyAt } from "./support/latencies.ts";
import { numberOption } from "./support/row.ts";
import { runSliced, type Slice, type SliceRunner } from "./support/slices.ts";
import { commonSlopeOf, lowestOf, type Sample } from "./support/slope.ts";
import { faultOrder, type FaultScene, happen } from "./support/soak_faults.ts";
import { noCounts, playSessions, playStateless, type SoakCounts } from "./support/soak_load.ts";
import { serveSoakRemote } from "./support/soak_remote.ts";

const msPerSecond = 1_000;
const secondsPerMinute = 60;
const bytesPerMegabyte = 1_000_000;
const judgedSecondsMin = 10 * secondsPerMinute;
const successMin = 0.9999;
const slopeMax = 1;

const seconds = numberOption("minutes", 0) * secondsPerMinute || numberOption("seconds", 10);
/** A short run has each kind of fault at least once. */
const everySeconds = numberOption("every", seconds < secondsPerMinute ? 1.5 : 5);
const clients = numberOption("clients", 8);
const pauseMs = numberOption("pause", 50);
/** The first fifth of a run fills caches and lets the runtime compile. */
const warmUpSeconds = seconds / 5;
/** Of each window, the lowest sample is kept. */
const windowMs = Math.max(msPerSecond, seconds * msPerSecond / 60);

/** The memory at a moment after the start of a gateway. */
interface StartSample extends Sample {
  readonly start: number;
}

interface SoakTotals {
  readonly unaffected: SoakCounts;
  readonly affected: SoakCounts;
  readonly faults: Record<string, number>;
  readonly memory: StartSample[];
}

type SoakSlice = Slice<SoakTotals>;

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)));

async function letFaultsHappen({ count, random, counts }: SoakSlice, scene: FaultScene) {
  const order = faultOrder(random);
  const begun = performance.now();
  for (let at = everySeconds / 2; at < count; at += everySeconds) {
    await pause(begun + at * msPerSecond - performance.now());
    const name = order.next().value;
    counts.faults[name] = (counts.faults[name] ?? 0) + 1;
    // A kept connection may have been closed: whether the gateway lives, the unaffected calls say.
    await happen(name, scene).catch(() => {});
  }
}

/** Two in three clients have sessions. */
function play(
  run: Omit<Parameters<typeof playSessions>[0], "random" | "pauseMs">,
  random: () => number,
  servers: readonly string[],
  counts: SoakCounts,
  count: number,
): Promise<void>[] {
  return Array.from({ length: count }, (_, at) => {
    const one = { ...run, pauseMs, random: createSeededRandom(random() * 2 ** 31) };
    return at % 3 === 2 ? playStateless(one, servers, counts) : playSessions(one, servers, counts);
  });
}

async function open(): Promise<SliceRunner<SoakTotals>> {
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
  const { url, port } = gateway;
  const begun = performance.now();

  const sampleMemory = async ({ start, counts }: SoakSlice, isOver: () => boolean) => {
    const samples: Sample[] = [];
    while (canReadProcesses && !isOver()) {
      samples.push({ ms: performance.now() - begun, value: residentBytes(gateway.pid) });
      await pause(msPerSecond / 2);
    }
    const lowest = lowestOf(samples, windowMs).map(({ ms, value }) => ({ start, ms, value }));
    counts.memory.push(...lowest);
  };

  return {
    async run(slice) {
      const { count, random, counts: { unaffected, affected } } = slice;
      const end = performance.now() + count * msPerSecond;
      const run = { url, isOver: () => performance.now() >= end };
      await Promise.all([
        sampleMemory(slice, run.isOver),
        letFaultsHappen(slice, { url, port, remote: struckFar }),
        ...play(run, random, ["calm", "calm-far"], unaffected, clients),
        ...play(run, random, ["struck", "struck-far"], affected, Math.ceil(clients / 2)),
      ]);
    },
    async close() {
      await gateway.dispose();
      far.close();
      struckFar.close();
    },
  };
}

const totalOf = ({ answered, failed, wrong, unsettled }: SoakCounts) =>
  answered + failed + wrong + unsettled;

const toValues = (counts: SoakCounts) => {
  const { latencies, ...others } = counts;
  const [p50Ms, p99Ms] = [latencyAt(latencies, 0.5), latencyAt(latencies, 0.99)];
  return { calls: totalOf(counts), ...others, p50Ms, p99Ms };
};

function judge({ unaffected, affected, faults, memory }: SoakTotals) {
  const groups = [...Map.groupBy(memory, ({ start }) => start).values()];
  const settled = groups.map((samples) =>
    samples.filter(({ ms }) => ms >= warmUpSeconds * msPerSecond)
  );
  const judgedMs = settled.map((samples) => (samples.at(-1)?.ms ?? 0) - (samples[0]?.ms ?? 0));
  const isSlopeJudged = Math.max(0, ...judgedMs) >= judgedSecondsMin * msPerSecond / 2;
  const slope = commonSlopeOf(settled.map((samples) => lowestOf(samples, windowMs))) *
    judgedSecondsMin * msPerSecond / bytesPerMegabyte;
  const success = unaffected.answered / Math.max(totalOf(unaffected), 1);
  const megabytes = groups.flatMap((samples) => [samples[0], samples.at(-1)])
    .map((sample) => Math.round((sample?.value ?? 0) / bytesPerMegabyte));
  return {
    values: {
      faults,
      unaffected: { success, ...toValues(unaffected) },
      affected: toValues(affected),
      memory: { megabytes, megabytesIn10Minutes: slope, isJudged: isSlopeJudged },
    },
    goals: [
      ["99.99 % of the unaffected calls succeed", success >= successMin],
      ["each answer belongs to its call", unaffected.wrong + affected.wrong === 0],
      ["each call ends", unaffected.unsettled + affected.unsettled === 0],
      ["memory does not rise", !isSlopeJudged || slope < slopeMax],
    ] as const,
  };
}

await runSliced<SoakTotals>({
  figure: "soak",
  options: { seconds, everySeconds, clients, pauseMs },
  of: seconds,
  slice: secondsPerMinute,
  none: { unaffected: noCounts(), affected: noCounts(), faults: {}, memory: [] },
  open,
  judge,
});
