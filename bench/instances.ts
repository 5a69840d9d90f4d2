/**
 * Three gateways that share an engine, behind a balancer without affinity, with clients of every
 * kind in front of programs, remote servers and a web API. It needs `redis-server`.
 *
 *   bun bench instances                whose answer is whose, and what passing on costs
 *   … --calls=100000 --sessions=50 --store
 *   … --kill --seconds=600             kill -9 of a random instance every few seconds
 *   … --kill-every=5 --sessions=50
 *   … --rolling --times=3              each instance is drained and started again, under load
 *   … --rate=200
 *   … --throughput --seconds=20        the work of three next to that of one
 *   … --seed=1 --json=FILE --restart
 */
import process from "node:process";
import { hasRedis, whyNoRedis } from "../test/support/redis_server.ts";
import { hasOption } from "./support/row.ts";

if (!hasRedis) {
  console.log(`0 passed, 0 failed, 1 skipped\nSeveral instances${whyNoRedis}`);
  process.exit(0);
}
if (hasOption("kill")) await (await import("./support/instance_kills.ts")).measureKills();
else if (hasOption("rolling")) {
  await (await import("./support/instance_rolling.ts")).measureRolling();
} else if (hasOption("throughput")) {
  await (await import("./support/instance_throughput.ts")).measureThroughput();
} else await (await import("./support/instance_nonces.ts")).measureNonces();
