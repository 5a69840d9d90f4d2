/**
 * Slow clients against the gateway, as a process of its own: how soon each of seven kinds is
 * disconnected while others are served (case B9), what bodies cost that are announced and do not
 * come, and what an idle event stream costs. The row goes to a file as JSON. Linux only.
 *
 *   bun bench slow                     deno run -A bench/run.ts slow
 *   … --listener=hardened --sockets=2100 --bodies=500 --only=slow,bodies,streams --json=FILE
 *   … --only=streams --streams=10000 --minutes=10     the figure and its defaults
 *
 * The streams are held at Bun's own listener, or at the hardened one of Deno, if none is named.
 */
import { writeFileSync } from "node:fs";
import process from "node:process";
import { hostileCommand } from "../test/fault/hostile_command.ts";
import { residentBytes } from "../test/support/processes.ts";
import { type SpawnedGateway, spawnGateway } from "../test/support/spawn_gateway.ts";
import { thisRuntime } from "../test/support/runtimes.ts";
import { percentile } from "./e2e/results.ts";
import { describeMachine } from "./support/machine.ts";
import { announceBodies, measureStreams } from "./support/idle_cost.ts";
import { holdSlowClients } from "./support/slow_clients.ts";

const option = (name: string, fallback: string): string =>
  process.argv.find((argument) => argument.startsWith(`--${name}=`))?.split("=")[1] ?? fallback;
const count = (name: string, fallback: number): number => Number(option(name, `${fallback}`));
const usualStreamListener = thisRuntime === "bun" ? "fast" : "hardened";
const only = option("only", "slow,bodies,streams").split(",");

/** Measures at a gateway that nothing has used yet. */
async function at<Row extends object>(
  measure: (gateway: SpawnedGateway) => Promise<Row>,
  usualListener = "hardened",
): Promise<Row & { listener: string }> {
  const listener = option("listener", usualListener);
  const gateway = await spawnGateway({
    servers: { kid: { ...hostileCommand(), isolation: "shared" } },
    env: { MCP_LISTENER: listener },
  });
  try {
    return { listener, ...await measure(gateway) };
  } finally {
    await gateway.dispose();
  }
}

const parts: Readonly<Record<string, () => Promise<object>>> = {
  slow: () =>
    at(async (gateway) => {
      const before = residentBytes(gateway.pid);
      const { kinds, served, failed, tookMs } = await holdSlowClients(gateway, {
        sockets: count("sockets", 2_100),
        secondsMax: 56,
      });
      const grownBytes = residentBytes(gateway.pid) - before;
      const servedMs = { p50: percentile(tookMs, 0.5), p99: percentile(tookMs, 0.99) };
      return { kinds, served, failed, servedMs, grownBytes };
    }),
  bodies: () => at((gateway) => announceBodies(gateway, count("bodies", 500))),
  streams: () => {
    const held = { count: count("streams", 10_000), minutes: count("minutes", 10) };
    return at((gateway) => measureStreams(gateway, held), usualStreamListener);
  },
};

const row: Record<string, unknown> = { figure: "slow", ...describeMachine() };
for (const name of only) row[name] = await parts[name]?.();
console.log(JSON.stringify(row, null, 2));
const json = option("json", "");
if (json !== "") writeFileSync(json, `${JSON.stringify(row, null, 2)}\n`);
process.exit(0);
