/** The memory of this process by `node:process`, which every runtime has. */
import process from "node:process";
import type { Runtime } from "./runtime.ts";

/** The memory of this process, in bytes. */
export function readMemory(): ReturnType<Runtime["memory"]> {
  const { rss, heapUsed } = process.memoryUsage();
  return { residentBytes: rss, heapBytes: heapUsed };
}
