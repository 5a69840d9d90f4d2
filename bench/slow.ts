/**
 * Slow clients against the gateway, as a process of its own: how soon each of seven kinds is
 * disconnected while others are served (case B9), what bodies cost that are announced and do not
 * come, and what an idle event stream costs. Linux only.
 *
 *   bun bench slow                     deno run -A bench/run.ts slow
 *   … --listener=hardened --sockets=2100 --bodies=500 --only=slow,bodies,streams
 *   … --only=streams --streams=3000 --minutes=0.2     the cost of idle streams
 *   … --store, --json=FILE
 *
 * The streams are held at Bun's own listener, or at the hardened one of Deno, if none is named.
 */
import { hostileCommand } from "../test/fault/hostile_command.ts";
import { residentBytes } from "../test/support/processes.ts";
import { type SpawnedGateway, spawnGateway } from "../test/support/spawn_gateway.ts";
import { thisRuntime } from "../test/support/runtimes.ts";
import { percentile } from "./e2e/results.ts";
import { announceBodies, measureStreams } from "./support/idle_cost.ts";
import { finish, numberOption, textOption } from "./support/row.ts";
import { holdSlowClients } from "./support/slow_clients.ts";

const usualStreamListener = thisRuntime === "bun" ? "fast" : "hardened";
const only = (textOption("only") ?? "slow,bodies,streams").split(",");
const counts = {
  sockets: numberOption("sockets", 2_100),
  bodies: numberOption("bodies", 500),
  streams: numberOption("streams", 3_000),
  minutes: numberOption("minutes", 0),
};

/** Measures at a gateway that nothing has used yet. */
async function at<Row extends object>(
  measure: (gateway: SpawnedGateway) => Promise<Row>,
  usualListener = "hardened",
): Promise<Row & { listener: string }> {
  const listener = textOption("listener") ?? usualListener;
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
        sockets: counts.sockets,
        secondsMax: 56,
      });
      const grownBytes = residentBytes(gateway.pid) - before;
      const servedMs = { p50: percentile(tookMs, 0.5), p99: percentile(tookMs, 0.99) };
      return { kinds, served, failed, servedMs, grownBytes };
    }),
  bodies: () => at((gateway) => announceBodies(gateway, counts.bodies)),
  streams: () => {
    const held = { count: counts.streams, minutes: counts.minutes };
    return at((gateway) => measureStreams(gateway, held), usualStreamListener);
  },
};

const values: Record<string, unknown> = {};
for (const name of only) values[name] = await parts[name]?.();
const options = { ...counts, only: only.join(",") };
finish({ figure: "slow", options, values, goals: [] });
