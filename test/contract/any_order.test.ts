/**
 * Many calls of many clients at once, in any order of what can happen to them: progress, answers,
 * faults, late answers, cancellations, clients that leave, sessions that end, time limits, notices
 * and deaths of servers. Each call gets exactly one answer, its own; its progress comes before it;
 * nothing reaches another client; and afterwards nothing is left. The programs are played, so that
 * a run is the same each time. A failure names the seed; `MCP_TEST_SEED` runs it again.
 */
import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import process from "node:process";
import { createCallModel, type Step, steps } from "../support/call_model.ts";
import { testSeed as seed } from "../support/random.ts";

const runsAll = process.env["MCP_TEST_ALL"] === "true";

const inOrder = (...kinds: Step["kind"][]): Step[] =>
  kinds.map((kind) => ({ kind, pick: 0, choice: 1 }));

/** Orders that chance brings too seldom. */
const examples: [Step[]][] = [
  // A question stops the clock of its call for as long as it is open.
  [inOrder("call", "settle", "ask", "settle", "timeout", "settle", "call", "settle", "answer")],
  [inOrder("call", "settle", "ask", "answer", "call", "settle", "ask", "die", "settle", "call")],
  [inOrder("call", "call", "settle", "progress", "timeout", "late", "settle", "call", "late")],
];

describe(`Calls in any order (seed ${seed})`, () => {
  test("each get one answer, their own, and leave nothing behind", async () => {
    let answered = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(steps, { minLength: 5, maxLength: 60 }), async (taken) => {
        const model = await createCallModel();
        for (const step of taken) await model.take(step);
        answered += await model.finish();
      }),
      { seed, numRuns: runsAll ? 250 : 30, examples },
    );
    expect(answered).toBeGreaterThan(0);
  });
});
