/** One load on one target: all callers work for a time, and the target's CPU time is read around it. */
import { startMsMax, within } from "../../test/support/wait.ts";
import type { Caller } from "./callers.ts";
import { cpuUsBetween, readCpu } from "./cpu_time.ts";

/** What a load cost. */
export interface LoadFigures {
  /** CPU microseconds of the target's process for each unit. */
  readonly cpuUs: number;
  /** Milliseconds of each unit. */
  readonly latencies: readonly number[];
}

const msPerSecond = 1_000;
/** No load is larger, however fast the target. */
const unitsMax = 1_000_000;

/** Runs the callers at once, each doing one piece of work after the other. */
export async function runLoad(
  pid: number,
  callers: readonly Caller[],
  seconds: number,
): Promise<LoadFigures> {
  const latencies: number[] = [];
  const record = (ms: number) => void latencies.push(ms);
  const before = readCpu(pid);
  const end = performance.now() + seconds * msPerSecond;
  const loops = callers.map(async ({ work }) => {
    do await work(record); while (performance.now() < end && latencies.length < unitsMax);
  });
  await within("a load to end", Promise.all(loops), seconds * msPerSecond + startMsMax);
  const cpuUs = cpuUsBetween(before, readCpu(pid)) / latencies.length;
  for (const caller of callers) await caller.settle?.();
  return { cpuUs, latencies };
}
