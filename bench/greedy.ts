/**
 * How long the calls of a modest principal take next to a greedy one, which calls without a pause
 * on many connections and ignores refusals: the 99th percentile, as a ratio to the same modest
 * principal alone. Rounds alternate. The gateway and the greedy client are processes of their own.
 * The figure to reach on a quiet machine is less than 2 (case B15).
 *
 *   bun bench greedy                   deno run -A bench/run.ts greedy
 *   … --rounds=5 --seconds=0.6 --callers=32 --store --json=FILE
 */
import { programCommand } from "../test/support/spawn_gateway.ts";
import { percentile, spreadOf } from "./e2e/results.ts";
import { startListener, startProgram } from "./e2e/started_program.ts";
import { callAs } from "./support/principal_call.ts";
import { finish, numberOption } from "./support/row.ts";

const rounds = numberOption("rounds", 5);
const seconds = numberOption("seconds", 0.6);
const callers = numberOption("callers", 32);
/** Between two calls of the modest principal. */
const pauseMs = 2;

const commandOf = (path: string, args: readonly string[] = []): string[] => {
  const { command, args: all } = programCommand(path, args);
  return [command, ...all];
};
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

const { program: gateway, port } = await startListener({
  title: "the gateway",
  command: commandOf("bench/support/rated_gateway.ts"),
});
const url = `http://127.0.0.1:${port}`;

/** The calls of the modest principal in all rounds. */
let [calls, failed] = [0, 0];

/** The modest principal calls for a time; the 99th percentile in milliseconds. */
async function modest(): Promise<number> {
  const end = performance.now() + seconds * 1_000;
  const took: number[] = [];
  while (performance.now() < end) {
    const begun = performance.now();
    if (await callAs(url, "modest")) took.push(performance.now() - begun);
    else failed += 1;
    calls += 1;
    await pause(pauseMs);
  }
  return percentile(took, 0.99);
}

/** The same next to the greedy one. */
async function beside(): Promise<number> {
  const args = [`--url=${url}`, "--user=greedy", `--callers=${callers}`];
  const flood = startProgram({
    title: "the greedy client",
    command: commandOf("bench/support/greedy_client.ts", args),
  });
  try {
    // Until its runtime is up and its calls come.
    await pause(1_000);
    return await modest();
  } finally {
    await flood.close();
  }
}

try {
  // The process of the modest principal starts, and the code becomes hot.
  await beside();
  const measured: { readonly alone: number; readonly beside: number }[] = [];
  for (let round = 0; round < rounds; round += 1) {
    measured.push({ alone: await modest(), beside: await beside() });
  }
  const alone = spreadOf(measured.map((one) => one.alone));
  const next = spreadOf(measured.map((one) => one.beside));
  const ratio = spreadOf(measured.map((one) => one.beside / one.alone));
  await gateway.close();
  finish({
    figure: "greedy",
    options: { rounds, seconds, callers },
    values: {
      ...{ calls, success: 1 - failed / calls, ratio: ratio.median },
      ratios: [ratio.lowest, ratio.highest],
      aloneMs: alone.median,
      besideMs: next.median,
    },
    goals: [
      ["each call of the modest principal succeeds", failed === 0],
      ["its p99 is at most four times as long", ratio.median <= 4],
    ],
  });
} finally {
  await gateway.close();
}
