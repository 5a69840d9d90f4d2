/**
 * How long the calls of a modest principal take next to a greedy one, which calls without a pause
 * on many connections and ignores refusals: the 99th percentile, as a ratio to the same modest
 * principal alone. Rounds alternate. The gateway and the greedy client are processes of their own.
 * The figure to reach on a quiet machine is less than 2 (case B15).
 *
 *   bun bench greedy                   deno run -A bench/run.ts greedy
 *   … --rounds=5 --seconds=0.6 --callers=32
 */
import process from "node:process";
import { programCommand } from "../test/support/spawn_gateway.ts";
import { percentile, spreadOf } from "./e2e/results.ts";
import { startListener, startProgram } from "./e2e/started_program.ts";
import { callAs } from "./support/principal_call.ts";

const option = (name: string, fallback: number): number => {
  const given = process.argv.find((argument) => argument.startsWith(`--${name}=`));
  return given === undefined ? fallback : Number(given.split("=")[1]);
};
const rounds = option("rounds", 5);
const seconds = option("seconds", 0.6);
const callers = option("callers", 32);
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

/** The modest principal calls for a time; the 99th percentile in milliseconds. */
async function modest(): Promise<number> {
  const end = performance.now() + seconds * 1_000;
  const took: number[] = [];
  while (performance.now() < end) {
    const begun = performance.now();
    if (!await callAs(url, "modest")) throw new Error("A call of the modest principal failed");
    took.push(performance.now() - begun);
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
  console.log(`p99 of a modest principal's calls, ${callers} greedy callers next to it`);
  console.log(`  alone   ${alone.median.toFixed(2)} ms`);
  console.log(
    `  beside  ${next.median.toFixed(2)} ms  ${ratio.median.toFixed(2)} x alone ` +
      `(${ratio.lowest.toFixed(2)} to ${ratio.highest.toFixed(2)})`,
  );
} finally {
  await gateway.close();
}
process.exit(0);
