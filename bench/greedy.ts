/**
 * How a modest client fares next to a greedy one that takes all it can and ignores refusals: whether
 * all that it does succeeds, and the 99th percentile of its times, as a ratio to the same client
 * alone (case B15). `requests`: two principals call without a session. The other rows: two addresses,
 * of which one takes all sessions, streams, processes, or processes whose calls wait for their
 * client. Each round has a gateway of its own, which is a process, as is the greedy client.
 *
 *   bun bench greedy                   deno run -A bench/run.ts greedy
 *   … --only=requests,sessions,streams,processes,leases
 *   … --rounds=3 --seconds=1 --callers=32 --store --json=FILE
 */
import { programCommand } from "../test/support/spawn_gateway.ts";
import { percentile, spreadOf } from "./e2e/results.ts";
import {
  type StartedProgram,
  startListener,
  startProgram,
  untilIt,
} from "./e2e/started_program.ts";
import { greedyTakes, type Take } from "./support/greedy_takes.ts";
import { callAs } from "./support/principal_call.ts";
import { finish, numberOption, textOption } from "./support/row.ts";

const rounds = numberOption("rounds", 3);
const seconds = numberOption("seconds", 1);
const callers = numberOption("callers", 32);
const names = ["requests", ...Object.keys(greedyTakes)];
const only = textOption("only")?.split(",") ?? names;
/** Between two things that the modest client does. */
const pauseMs = 2;
/** What the ratio shall be, and what is an error. */
const [aim, alarm] = [2, 4];
const [greedyAddress, modestAddress] = ["127.0.0.2", "127.0.0.3"];

/** What is measured in one row. */
interface Row {
  readonly gateway: string;
  /** The greedy client, once it has what it can have. */
  readonly greedy: (port: string) => Promise<StartedProgram>;
  readonly modest: (port: string) => Promise<Take>;
}

/** What the modest client did in a time. */
interface Did {
  readonly p99Ms: number;
  readonly done: number;
  readonly failed: number;
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const commandOf = (path: string, args: readonly string[] = []): string[] => {
  const { command, args: all } = programCommand(path, args);
  return [command, ...all];
};

const requests: Row = {
  gateway: "bench/support/rated_gateway.ts",
  async greedy(port) {
    const args = [`--url=http://127.0.0.1:${port}`, "--user=greedy", `--callers=${callers}`];
    const title = "the greedy client";
    const command = commandOf("bench/support/greedy_client.ts", args);
    const flood = startProgram({ title, command });
    // Until its runtime is up and its calls come.
    await pause(1_000);
    return flood;
  },
  async modest(port) {
    const take = () => callAs(`http://127.0.0.1:${port}`, "modest");
    await take();
    return take;
  },
};

function takingAll(takes: string): Row {
  const row = greedyTakes[takes];
  if (row === undefined) throw new Error(`Cannot run "${takes}": expected ${names.join(", ")}`);
  return {
    gateway: "bench/support/greedy_gateway.ts",
    async greedy(port) {
      const args = [`--port=${port}`, `--address=${greedyAddress}`, `--takes=${takes}`];
      const title = "the greedy client";
      const command = commandOf("bench/support/greedy_taker.ts", args);
      const taker = startProgram({ title, command });
      const isFull = () => taker.output().includes("FULL") ? true : undefined;
      await untilIt(title, taker, isFull);
      return taker;
    },
    modest: (port) => row.beside({ port: Number(port), address: modestAddress }),
  };
}

/** Does something again and again for a time. */
async function doFor(take: Take): Promise<Did> {
  const end = performance.now() + seconds * 1_000;
  const took: number[] = [];
  let failed = 0;
  while (performance.now() < end) {
    const begun = performance.now();
    if (!await take().catch(() => false)) failed += 1;
    took.push(performance.now() - begun);
    await pause(pauseMs);
  }
  return { p99Ms: percentile(took, 0.99), done: took.length, failed };
}

async function runRound(
  { gateway: path, greedy, modest }: Row,
): Promise<[alone: Did, beside: Did]> {
  const { program, port } = await startListener({ title: "the gateway", command: commandOf(path) });
  try {
    const take = await modest(port);
    // The code becomes hot.
    await doFor(take);
    const alone = await doFor(take);
    const taker = await greedy(port);
    const beside = await doFor(take);
    await taker.close();
    return [alone, beside];
  } finally {
    await program.close();
  }
}

async function measure(name: string) {
  const measured: [Did, Did][] = [];
  for (let round = 0; round < rounds; round += 1) {
    measured.push(await runRound(name === "requests" ? requests : takingAll(name)));
  }
  const sum = (of: (did: Did) => number) =>
    measured.reduce((total, [, beside]) => total + of(beside), 0);
  const medianOf = (of: (round: [Did, Did]) => number) => spreadOf(measured.map(of)).median;
  return {
    done: sum(({ done }) => done),
    failed: sum(({ failed }) => failed),
    aloneP99Ms: medianOf(([alone]) => alone.p99Ms),
    besideP99Ms: medianOf(([, beside]) => beside.p99Ms),
    ratio: spreadOf(measured.map(([alone, beside]) => beside.p99Ms / alone.p99Ms)),
  };
}

const rows: Record<string, Awaited<ReturnType<typeof measure>>> = {};
for (const name of only) {
  rows[name] = await measure(name);
  const { done, failed, ratio } = rows[name];
  const success = 100 * (done - failed) / done;
  const words = ratio.median <= aim ? "" : `, more than the aim of ${aim}`;
  console.log(
    `${name.padEnd(10)} success ${success.toFixed(2)} %  p99 ${
      ratio.median.toFixed(2)
    } x alone${words}`,
  );
}
const all = Object.values(rows);
const done = all.reduce((total, row) => total + row.done, 0);
const failed = all.reduce((total, row) => total + row.failed, 0);
finish({
  figure: "greedy",
  options: { only: only.join(","), rounds, seconds, callers },
  values: {
    rows,
    success: 1 - failed / done,
    worstRatio: Math.max(...all.map(({ ratio }) => ratio.median)),
  },
  goals: Object.entries(rows).flatMap(([name, row]) => [
    [`${name}: all that the modest client does succeeds`, row.failed === 0] as const,
    [`${name}: its p99 is at most ${alarm} x that of it alone`, row.ratio.median <= alarm] as const,
  ]),
});
