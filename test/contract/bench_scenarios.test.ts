/**
 * The end-to-end benchmark measures correct answers: in every scenario the bare proxy and the
 * gateway give each caller the right answer. Nothing here measures time.
 */
import { afterAll, describe, expect, test } from "bun:test";
import type { Caller } from "../../bench/e2e/callers.ts";
import { runLoad } from "../../bench/e2e/load.ts";
import { scenarios } from "../../bench/e2e/scenarios.ts";
import type { ServerSet } from "../../bench/e2e/server_sets.ts";
import {
  createBareSide,
  createGatewaySide,
  type Side,
  type Target,
} from "../../bench/e2e/targets.ts";
import { canReadProcesses } from "../support/processes.ts";

const sides: readonly Side[] = [createBareSide([]), createGatewaySide("gateway", [])];

for (const side of sides) {
  describe(`at the ${side.name} target`, () => {
    const targets = new Map<ServerSet, Promise<Target>>();
    const targetOf = (servers: ServerSet) => {
      const target = targets.get(servers) ?? side.start(servers);
      targets.set(servers, target);
      return target;
    };
    afterAll(async () => {
      await Promise.all([...targets.values()].map(async (target) => (await target).close()));
    });

    for (const { name, servers, callers: count, open, transport, unit } of scenarios) {
      test.skipIf(!canReadProcesses)(`"${name}" answers every caller`, async () => {
        const target = await targetOf(servers);
        const callers: Caller[] = [];
        for (let number = 0; number < count; number += 1) {
          callers.push(await open(target.endpoint(transport), number));
        }
        // No time at all: each caller does one piece of work.
        const { cpuUs, latencies } = await runLoad(target.pid, callers, 0);
        const deliveries = Number(/^fan_out_(\d+)$/.exec(name)?.[1]);
        expect(latencies.length).toBe(unit === "delivery" ? deliveries : count);
        expect(cpuUs).toBeGreaterThan(0);
        for (const caller of callers) await caller.close();
      });
    }
  });
}
