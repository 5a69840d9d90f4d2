/**
 * The first call of a new session at a server that starts slowly, from `initialize` to the tool's
 * answer: with a spare process, without one, and with `shared`, whose process is already running.
 * Clients that open a session for each call pay this every time. The result is the ratio, measured in
 * turns.
 *
 *   bun bench spare               deno run -A bench/run.ts spare
 *   … --start-ms=1500 --rounds=5  how slow the server starts, and how much is measured
 */
import process from "node:process";
import { openRpcSession } from "../test/support/rpc_session.ts";
import { programCommand, spawnGateway } from "../test/support/spawn_gateway.ts";

const option = (name: string, fallback: number): number => {
  const given = process.argv.find((argument) => argument.startsWith(`--${name}=`));
  return given === undefined ? fallback : Number(given.split("=")[1]);
};
const startMs = option("start-ms", 1_500);
const rounds = option("rounds", 5);

const command = programCommand("bench/support/echo_server.ts", [`--start-ms=${startMs}`]);
const candidates = [
  { name: "shared", extra: { isolation: "shared" } },
  { name: "spare", extra: {} },
  { name: "no spare", extra: { spare: false } },
];

async function firstCall(url: string): Promise<number> {
  const begun = performance.now();
  const session = await openRpcSession(`${url}/mcp`);
  await session.callTool(1, "echo", { text: "hello" });
  const took = performance.now() - begun;
  await session.end();
  return took;
}

const running = await Promise.all(candidates.map(async ({ name, extra }) => {
  const gateway = await spawnGateway({ servers: { echo: { ...command, ...extra } } });
  return { name, gateway, took: [] as number[] };
}));
try {
  for (let round = 0; round <= rounds; round++) {
    for (const { gateway, took } of running) {
      const ms = await firstCall(gateway.url);
      // The first one of all finds no process, whatever the configuration.
      if (round > 0) took.push(ms);
    }
    // A person or a model reads the answer; meanwhile the next process starts.
    await new Promise((resolve) => setTimeout(resolve, 2 * startMs));
  }
} finally {
  await Promise.all(running.map(({ gateway }) => gateway.dispose()));
}
const medianOf = (values: number[]) =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
const bare = medianOf(running[0]?.took ?? []);
console.log(`First call of a new session, server that starts in ${startMs} ms`);
for (const { name, took } of running) {
  const median = medianOf(took);
  const range = `(${Math.min(...took).toFixed(0)} to ${Math.max(...took).toFixed(0)})`;
  console.log(
    `  ${name.padEnd(8)}  ${median.toFixed(1).padStart(7)} ms  ${range.padEnd(14)}  ` +
      `${(median / bare).toFixed(1)} x shared`,
  );
}
process.exit(0);
