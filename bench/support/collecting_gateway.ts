/**
 * The gateway as a program, for the figures of its heap: at SIGUSR2 it collects all garbage and says
 * on stdout how many bytes are in use. The product has no such signal.
 */
import process from "node:process";
import v8 from "node:v8";
import vm from "node:vm";
import { type RuntimeName, thisRuntime } from "../../test/support/runtimes.ts";

/** V8 has the function in contexts that are made after the flag was set. */
const collectInV8 = (): () => void => {
  v8.setFlagsFromString("--expose-gc");
  return vm.runInNewContext("gc") as () => void;
};

const collectors: Readonly<Record<RuntimeName, () => () => void>> = {
  bun: () => () => Bun.gc(true),
  deno: collectInV8,
  node: collectInV8,
};

const collect = collectors[thisRuntime]();

/** What one collection finalizes, a later one frees. */
const rounds = 4;
const pauseMs = 50;

async function sayHeap(): Promise<void> {
  let lowest = Infinity;
  for (let round = 0; round < rounds; round += 1) {
    collect();
    lowest = Math.min(lowest, process.memoryUsage().heapUsed);
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
  console.log(`HEAP ${lowest}`);
}

process.on("SIGUSR2", () => void sayHeap());

await import(`../../src/main/${thisRuntime}.ts`);
