/** Signals that stop a program: copies of the first one count as one. */
import { expect, test } from "bun:test";
import { onStopSignals } from "../../../src/cli/signals.ts";
import { createTestRuntime } from "../../support/fake_runtime.ts";
import { createTestClock } from "../../support/clock.ts";
import type { Runtime } from "../../../src/runtime/runtime.ts";

type Signal = Parameters<Parameters<Runtime["onSignal"]>[0]>[0];

async function listen() {
  const clock = createTestClock();
  const heard: string[] = [];
  let send: (signal: Signal) => void = () => {};
  const runtime: Runtime = {
    ...await createTestRuntime(),
    onSignal: (run) => {
      send = run;
      return () => {};
    },
  };
  onStopSignals({ runtime }, {
    first: () => void heard.push("first"),
    again: () => void heard.push("again"),
    hangUp: () => void heard.push("hang up"),
  }, clock);
  return { clock, heard, send: (signal: Signal) => send(signal) };
}

test("G7: a second signal more than half a second later ends the program at once", async () => {
  const { clock, heard, send } = await listen();
  send("SIGTERM");
  clock.advance(501);
  send("SIGTERM");
  expect(heard).toEqual(["first", "again"]);
});

test("copies of a signal within half a second are one, and SIGHUP is none of them", async () => {
  const { clock, heard, send } = await listen();
  send("SIGINT");
  for (let copy = 0; copy < 3; copy += 1) {
    clock.advance(150);
    send("SIGINT");
  }
  send("SIGHUP");
  expect(heard).toEqual(["first", "hang up"]);
});
