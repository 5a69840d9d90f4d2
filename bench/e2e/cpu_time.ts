/**
 * CPU time of one process from /proc, without its children. `schedstat` counts nanoseconds for each
 * thread; where the kernel has none, `stat` counts the whole process in hundredths of a second.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";

const nsPerTick = 10_000_000;
const nsPerUs = 1_000;

/** How finely this system counts, for the output. */
export const cpuClock: string = existsSync("/proc/self/schedstat")
  ? "in nanoseconds"
  : "in steps of 10 ms";

/** Nanoseconds on the CPU so far, by thread. */
export type CpuReading = ReadonlyMap<string, number>;

function readTicks(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  // The name in parentheses may hold anything; the fields start after the last one.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return Number(fields[11]) + Number(fields[12]);
}

/** Reads the CPU time of a process. */
export function readCpu(pid: number): CpuReading {
  if (!existsSync(`/proc/${pid}/schedstat`)) {
    return new Map([["process", readTicks(pid) * nsPerTick]]);
  }
  const reading = new Map<string, number>();
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    try {
      const text = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8");
      reading.set(thread, Number(text.split(" ")[0]));
    } catch {
      // The thread ended since the folder was read.
    }
  }
  return reading;
}

/** CPU microseconds between two readings; a thread that ended in between counts for nothing. */
export function cpuUsBetween(before: CpuReading, after: CpuReading): number {
  let ns = 0;
  for (const [thread, used] of after) ns += used - (before.get(thread) ?? 0);
  return ns / nsPerUs;
}
