/**
 * Which processor core runs what: the proxies and their servers on one, the load generator on
 * another. Linux with `taskset`; elsewhere the system decides, and the output says so.
 */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import process from "node:process";

/** Where things run. */
export interface Cores {
  /** The beginning of a command line that runs a program on the proxies' core. */
  readonly launcher: readonly string[];
  /** One line for the output. */
  readonly note: string;
}

/** The numbers in a list such as "0-2,5". */
export function parseCoreList(list: string): number[] {
  return list.trim().split(",").filter((part) => part !== "").flatMap((part) => {
    const [from = Number.NaN, to = from] = part.split("-").map(Number);
    return Array.from({ length: to - from + 1 }, (_, at) => from + at);
  });
}

/** The cores that this process may use. */
function allowedCores(): number[] {
  try {
    const status = readFileSync("/proc/self/status", "utf8");
    return parseCoreList(/Cpus_allowed_list:\s*(\S+)/.exec(status)?.[1] ?? "");
  } catch {
    return [];
  }
}

/** Moves this process (the load generator) to its core, and says how to start the rest on another. */
export function pinCores(): Cores {
  const unpinned = (reason: string) => ({ launcher: [], note: `not pinned to cores: ${reason}` });
  const cores = allowedCores();
  const [proxies, generator] = [cores[0], cores.at(-1)];
  if (proxies === generator) return unpinned("this machine gives us only one");
  const pinned = spawnSync("taskset", ["-a", "-p", "-c", String(generator), String(process.pid)]);
  if (pinned.status !== 0) return unpinned('"taskset" is missing or failed');
  return {
    launcher: ["taskset", "-c", String(proxies)],
    note: `proxies and their servers on core ${proxies}, load generator on core ${generator}`,
  };
}
