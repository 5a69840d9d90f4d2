/** When the gateway tries a failing server again, and when not. */
import { describe, expect, test } from "bun:test";
import { createCircuit, type Pass } from "../../../src/outgoing/circuit.ts";
import { createTestClock } from "../../support/clock.ts";

function open(failuresMax = 3, openMs = 1000) {
  const clock = createTestClock();
  const heard: string[] = [];
  const circuit = createCircuit({
    limits: { circuitFailuresMax: failuresMax, circuitOpenMs: openMs },
    clock,
    changed: (isOpen) => void heard.push(isOpen ? "open" : "closed"),
  });
  const admit = (): Pass => {
    const admission = circuit.admit();
    if ("pass" in admission) return admission.pass;
    throw new Error(`refused for ${admission.retryAfterMs}`);
  };
  const refusal = (): number => {
    const admission = circuit.admit();
    if ("pass" in admission) throw new Error("admitted");
    return admission.retryAfterMs;
  };
  return { clock, heard, admit, refusal };
}

describe("the circuit of a server", () => {
  test("opens after failures in a row, and says when to retry", () => {
    const { clock, heard, admit, refusal } = open();
    for (let count = 0; count < 3; count += 1) admit().failed();
    expect(heard).toEqual(["open"]);
    expect(refusal()).toBe(1000);
    clock.advance(400);
    expect(refusal()).toBe(600);
  });

  test("stays closed while something goes well in between", () => {
    const { heard, admit } = open();
    for (const ending of ["failed", "failed", "succeeded", "failed", "failed"] as const) {
      admit()[ending]();
    }
    admit().released();
    expect(heard).toEqual([]);
    admit().failed();
    expect(heard).toEqual(["open"]);
  });

  test("lets one attempt through when its time is over, and closes when that goes well", () => {
    const { clock, heard, admit, refusal } = open(1);
    admit().failed();
    clock.advance(1000);
    const probe = admit();
    expect(refusal()).toBeGreaterThan(0);
    probe.succeeded();
    expect(heard).toEqual(["open", "closed"]);
    admit();
    admit();
  });

  test("waits again when that attempt fails, and logs it no second time", () => {
    const { clock, heard, admit, refusal } = open(1);
    admit().failed();
    clock.advance(1000);
    admit().failed();
    expect(refusal()).toBe(1000);
    expect(heard).toEqual(["open"]);
  });

  test("an attempt that was given up gives its place to the next", () => {
    const { clock, admit, refusal } = open(1);
    admit().failed();
    clock.advance(1000);
    admit().released();
    const next = admit();
    expect(refusal()).toBeGreaterThan(0);
    next.succeeded();
    admit();
  });

  test("an attempt that takes long, such as a slow tool's, holds the others up for one time only", () => {
    const { clock, heard, admit, refusal } = open(1);
    admit().failed();
    clock.advance(1000);
    const slow = admit();
    clock.advance(400);
    expect(refusal()).toBe(600);
    clock.advance(600);
    const next = admit();
    expect(refusal()).toBe(1000);
    // That the slow one is given up says nothing of the other, which is still under way.
    slow.released();
    expect(refusal()).toBe(1000);
    next.succeeded();
    admit();
    expect(heard).toEqual(["open", "closed"]);
  });

  test("attempts from before it opened keep it open no longer, but may close it", () => {
    const { clock, heard, admit, refusal } = open(1);
    const [late, later] = [admit(), admit()];
    admit().failed();
    clock.advance(600);
    late.failed();
    expect(refusal()).toBe(400);
    later.succeeded();
    expect(heard).toEqual(["open", "closed"]);
    admit();
  });
});
