/** The machine around the command line, as the commands use it. */
import { expect, test } from "bun:test";
import process from "node:process";
import { createNodeSystem } from "../../src/runtime/node_system.ts";

const system = createNodeSystem();
const options = {
  env: { PATH: process.env["PATH"] ?? "" },
  withinMs: 1_000,
  outputBytesMax: 1_000,
};

test("a program that leaves another one behind, which holds its output, ends in time", async () => {
  const args = ["-c", "echo out; echo err >&2; sleep 30 & exit 3"];
  const startedAt = performance.now();
  const outcome = await system.run("sh", { ...options, args });
  expect(outcome).toEqual({ code: 3, stdout: "out\n", stderr: "err\n", isLate: false });
  expect(performance.now() - startedAt).toBeLessThan(15_000);
});

test("a program that does not end is late, and so is one that started another", async () => {
  for (const script of ["exec sleep 30", "sleep 30 & wait"]) {
    const outcome = await system.run("sh", { ...options, args: ["-c", script] });
    expect(outcome).toEqual({ code: null, stdout: "", stderr: "", isLate: true });
  }
});

test("the first process is alive, as a gateway in a container is, and gets no signal", () => {
  expect([system.isAlive(1), system.signal(1, "SIGHUP")]).toEqual([true, false]);
  expect([0, -1, 1.5, NaN].map(system.isAlive)).toEqual([false, false, false, false]);
});
