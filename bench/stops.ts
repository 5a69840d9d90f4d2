/**
 * SIGTERM under load, again and again: clients call at a rate, and go on while the gateway stops. A
 * call that the gateway took must come to its end, others are refused, and no process of a server is
 * left (case G7). The row goes to a file as JSON.
 *
 *   bun bench stops                    deno run -A bench/run.ts stops
 *   … --times=100                      the figure; the default is 5
 *   … --rate=200 --ms=1000 --seed=1 --json=FILE
 */
import { createSeededRandom } from "../test/support/random.ts";
import { startForStops, type StopOutcome, stopUnderLoad } from "../test/support/stop_load.ts";
import { percentile } from "./e2e/results.ts";
import { finish, numberOption, seedOption } from "./support/row.ts";

const times = numberOption("times", 5);
const rate = numberOption("rate", 200);
const ms = numberOption("ms", 1_000);
const seed = seedOption();
/** The time that calls have to finish, and the time to end all programs. */
const exitMsMax = 11_000;

const random = createSeededRandom(seed);
const stops: StopOutcome[] = [];
const gateway = await startForStops();
try {
  for (let time = 0; time < times; time += 1) {
    if (time > 0) await gateway.restart();
    stops.push(await stopUnderLoad(gateway, { rate, ms, callMsMax: 500, random }));
  }
} finally {
  await gateway.dispose();
}

const sum = (of: (one: StopOutcome) => number): number =>
  stops.reduce((total, one) => total + of(one), 0);
const lost = sum((one) => one.lost.length);
const orphans = sum((one) => one.orphans.length);
const exits = stops.map(({ exitMs }) => exitMs);
finish({
  figure: "stops",
  options: { times, rate, seed },
  values: {
    times,
    calls: sum((one) => one.calls),
    answered: sum((one) => one.answered),
    finished: sum((one) => one.finished),
    refused: sum((one) => one.refused),
    late: sum((one) => one.late),
    lost,
    orphans,
    exitMs: { p50: percentile(exits, 0.5), max: Math.max(...exits) },
  },
  goals: [
    ["no call that was taken is lost", lost === 0],
    ["no process is left", orphans === 0],
    ["each stop ends well", stops.every(({ exitCode }) => exitCode === 0)],
    [`each stop takes at most ${exitMsMax} ms`, Math.max(...exits) <= exitMsMax],
  ],
});
