/** What a gateway holds: its processes, its file descriptors and its memory. Linux (/proc). */
import { readdirSync } from "node:fs";
import { descendants, residentBytes, sendSignal } from "../../test/support/processes.ts";
import { until } from "../../test/support/wait.ts";
import type { Subject } from "./subject.ts";

/** The program that `collectedHeap` can ask. */
export const collectingProgram = "bench/support/collecting_gateway.ts";

/** What a process holds at one moment. */
export interface Holding {
  readonly processes: number;
  readonly descriptors: number;
  readonly residentBytes: number;
}

/** Looks at a process. */
export const holdingOf = (pid: number): Holding => ({
  processes: descendants(pid).length,
  descriptors: readdirSync(`/proc/${pid}/fd`).length,
  residentBytes: residentBytes(pid),
});

/** The bytes of the heap in use after a forced collection. */
export async function collectedHeap(gateway: Pick<Subject, "pid" | "log">): Promise<number> {
  const said = () => [...gateway.log().matchAll(/^HEAP (\d+)$/gm)];
  const before = said().length;
  sendSignal(gateway.pid, "SIGUSR2");
  const all = await until("the size of the heap", () => {
    const now = said();
    return now.length > before && now;
  });
  return Number(all.at(-1)?.[1]);
}
