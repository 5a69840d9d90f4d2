/**
 * What is left after clients that leave in the middle of their calls and programs that crash: the
 * gateway's processes, its file descriptors and its memory, after each of five repetitions. The first
 * one fills caches, and the others are compared with what it left. Linux (/proc).
 *
 *   bun bench returns                  deno run -A bench/run.ts returns
 *   … --times=1000                     the figure: disconnects, and crashes, of all repetitions
 *   … --settle=20 --json=FILE          seconds of rest before each look
 */
import { readdirSync } from "node:fs";
import { hostileCommand } from "../test/fault/hostile_command.ts";
import { descendants, residentBytes } from "../test/support/processes.ts";
import { openRpcSession } from "../test/support/rpc_session.ts";
import { spawnGateway } from "../test/support/spawn_gateway.ts";
import { until } from "../test/support/wait.ts";
import { finish, numberOption } from "./support/row.ts";
import { leaveCall } from "./support/soak_faults.ts";

const times = numberOption("times", 100);
const settleMs = numberOption("settle", 5) * 1_000;
const repetitions = 5;
const atOnce = 5;
const bytesPerMegabyte = 1_000_000;
/** Later looks may differ from the first by so much. */
const descriptorsMax = 5;
const memoryShareMax = 0.1;

/** In a shorter run the first look comes before the runtime has compiled everything. */
const isMemoryJudged = times >= 1_000;

const gateway = await spawnGateway({
  servers: {
    struck: hostileCommand(),
    left: { ...hostileCommand(), isolation: "shared" },
  },
});
const url = `${gateway.url}/mcp`;
const happened = { disconnects: 0, crashes: 0, refused: 0 };

/** A session whose own program crashes during its call. */
async function crash(): Promise<void> {
  const session = await openRpcSession(url);
  const { error } = await session.request(1, "tools/call", {
    name: "struck__crash",
    arguments: { how: "SIGKILL" },
  });
  if (error?.data?.["reason"] === "upstream_exited") happened.crashes += 1;
  else happened.refused += 1;
  await session.end();
}

/** A session whose client leaves its stream and its call. */
async function disconnect(): Promise<void> {
  const session = await openRpcSession(url);
  await leaveCall(gateway.port, session, "left__slow", 100);
  happened.disconnects += 1;
  await session.end();
}

async function repeat(run: () => Promise<void>, count: number): Promise<void> {
  for (let done = 0; done < count; done += atOnce) {
    await Promise.all(Array.from({ length: Math.min(atOnce, count - done) }, run));
  }
}

interface Look {
  readonly processes: number;
  readonly descriptors: number;
  readonly megabytes: number;
}

/** What the gateway has after a rest; the lowest memory of it, since some is not collected yet. */
async function look(): Promise<Look> {
  const memory: number[] = [];
  const end = performance.now() + settleMs;
  await until("the rest", () => {
    memory.push(residentBytes(gateway.pid));
    return performance.now() > end;
  }, 2 * settleMs);
  return {
    processes: descendants(gateway.pid).length,
    descriptors: readdirSync(`/proc/${gateway.pid}/fd`).length,
    megabytes: Math.round(Math.min(...memory) / bytesPerMegabyte),
  };
}

const looks: Look[] = [];
try {
  for (let repetition = 0; repetition < repetitions; repetition += 1) {
    await repeat(disconnect, times / repetitions);
    await repeat(crash, times / repetitions);
    looks.push(await look());
  }
} finally {
  await gateway.dispose();
}

const [first, ...later] = looks as [Look, ...Look[]];
const differs = (pick: (one: Look) => number) =>
  Math.max(...later.map((one) => Math.abs(pick(one) - pick(first))));
const growth = ((later.at(-1)?.megabytes ?? 0) - first.megabytes) / first.megabytes;
finish("returns", { times, ...happened, looks, memoryGrowth: growth, isMemoryJudged }, [
  ["each program crashed in its own call", happened.refused === 0],
  ["no process is left", differs(({ processes }) => processes) === 0],
  ["descriptors are back", differs(({ descriptors }) => descriptors) <= descriptorsMax],
  ["memory is back", !isMemoryJudged || growth <= memoryShareMax],
]);
