/**
 * SIGTERM while clients call without a pause: each call that the gateway took comes to its end, the
 * others are refused, and no process is left. On both listeners; `bun bench stops` does it often.
 */
import { afterEach, describe, expect, test } from "bun:test";
import { createSeededRandom } from "../support/random.ts";
import type { SpawnedGateway } from "../support/spawn_gateway.ts";
import { startForStops, stopUnderLoad } from "../support/stop_load.ts";
import { testMsMax } from "../support/wait.ts";

let gateway: SpawnedGateway | undefined;

afterEach(() => gateway?.dispose(), testMsMax);

for (const listener of ["fast", "hardened"]) {
  describe(`a gateway behind the ${listener} listener that is stopped under load`, () => {
    test("G7: loses no call that it took, refuses the others, and leaves no process", async () => {
      gateway = await startForStops({ MCP_LISTENER: listener });
      const outcome = await stopUnderLoad(gateway, {
        rate: 200,
        ms: 1_000,
        callMsMax: 500,
        random: createSeededRandom(1),
      });
      expect(outcome.lost).toEqual([]);
      expect(outcome.orphans).toEqual([]);
      expect(outcome.exitCode).toBe(0);
      expect(outcome.finished).toBeGreaterThan(0);
      expect(outcome.answered + outcome.refused + outcome.late).toBe(outcome.calls);
    }, testMsMax);
  });
}
