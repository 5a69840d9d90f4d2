/**
 * Ten thousand calls to servers that count, with random faults of networks, servers and operators:
 * no call is carried out twice, and a call that was carried out fails only with the outcome
 * `unknown`. A failure names the seed; `MCP_TEST_SEED` runs it again.
 */
import { describe, expect, test } from "bun:test";
import { countedSubjects, runCounted } from "../support/counted_calls.ts";
import { testSeed as seed } from "../support/random.ts";

const callsOfEach = 2_000;

describe(`calls that count (seed ${seed})`, () => {
  for (const name of countedSubjects) {
    test(`${name} carries each out at most once, and what failed after it is unknown`, async () => {
      const { calls, executed, problems } = await runCounted(name, seed, callsOfEach);
      expect({ seed, problems: problems.slice(0, 20) }).toEqual({ seed, problems: [] });
      expect(calls).toBe(callsOfEach);
      // A run in which nothing was carried out would prove nothing.
      expect(executed).toBeGreaterThan(callsOfEach / 4);
    }, 240_000);
  }
});
