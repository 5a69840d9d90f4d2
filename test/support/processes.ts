/**
 * The processes of this machine, read from /proc: tests ask whether a process is gone, which
 * children it has, and how much memory it uses. Linux only; `canReadProcesses` says whether it
 * works here.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import process from "node:process";

/** Whether the functions below can be used on this system. */
export const canReadProcesses: boolean = existsSync("/proc/self/stat");

function statFields(pid: number): string[] | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The name in parentheses may hold anything; the fields start after the last one.
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  } catch {
    return undefined;
  }
}

/** Whether a process runs; one that ended and was not reaped yet (in containers that may never happen) does not. */
export function isAlive(pid: number): boolean {
  const state = statFields(pid)?.[0];
  return state !== undefined && state !== "Z" && state !== "X";
}

/** The children, grandchildren and so on of a process, dead ones left out. */
export function descendants(pid: number): number[] {
  const parents = new Map<number, number[]>();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const fields = statFields(Number(name));
    if (fields === undefined || fields[0] === "Z") continue;
    const parent = Number(fields[1]);
    parents.set(parent, [...(parents.get(parent) ?? []), Number(name)]);
  }
  const found: number[] = [];
  const visit = (parent: number) => {
    for (const child of parents.get(parent) ?? []) {
      found.push(child);
      visit(child);
    }
  };
  visit(pid);
  return found;
}

/** Processes, all alive at the end of the search, whose command line holds a text; a unique marker in an argument finds escaped ones too. */
export function withCommandText(marker: string): number[] {
  return readdirSync("/proc").filter((name) => {
    if (!/^\d+$/.test(name) || Number(name) === process.pid || !isAlive(Number(name))) return false;
    try {
      return readFileSync(`/proc/${name}/cmdline`, "utf8").includes(marker);
    } catch {
      return false;
    }
  }).map(Number).filter(isAlive);
}

/**
 * Sends a signal to a process that may be gone. On Deno the `kill` of a ChildProcess works once,
 * and then reports the signal instead of the exit code.
 */
export function sendSignal(
  pid: number | undefined,
  signal: Parameters<typeof process.kill>[1],
): void {
  try {
    if (pid !== undefined) process.kill(pid, signal);
  } catch {
    // It has ended, as was wanted.
  }
}

/** Resident memory of a process in bytes. */
export function residentBytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1024;
}
