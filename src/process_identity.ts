/**
 * Which process has an id: an identity that survives the reuse of process ids and a reboot. Reads
 * /proc if it exists and else asks `ps`; without either it finds nothing.
 */
import { type Clock, withDeadline } from "./clock.ts";
import type { Limits } from "./limits.ts";
import type { Runtime } from "./runtime/runtime.ts";

/** The inputs of a look at processes. */
export interface ProcessDeps {
  readonly runtime: Runtime;
  readonly clock: Clock;
  readonly limits: Limits;
}

/** A process as in /proc. */
export interface ProcessStat {
  readonly ended: boolean;
  readonly session: number;
  readonly startedAt: string;
}

/**
 * Distinguishes this process from any other that ever has its id: boot, process namespace (the
 * start of process 1) and its own start. Undefined if the process is gone or the system does not
 * say.
 */
export async function readIdentity(deps: ProcessDeps, pid: number): Promise<string | undefined> {
  const boot = await readBoot(deps.runtime);
  if (boot !== undefined) {
    const stat = await readStat(deps.runtime, pid);
    return stat === undefined ? undefined : `${boot} ${stat.startedAt}`;
  }
  const started = (await runPs(deps, ["-o", "lstart=", "-p", String(pid)])).trim();
  return started === "" ? undefined : `lstart ${started}`;
}

/** Whether the process with this id still is the one that had this identity, and has not ended. */
export async function isRunning(
  deps: ProcessDeps,
  pid: number,
  identity: string,
): Promise<boolean> {
  if (await readIdentity(deps, pid) !== identity) return false;
  // One that ended stays in the list until its parent has asked how.
  return (await readStat(deps.runtime, pid))?.ended !== true;
}

/** This boot and process namespace; undefined without /proc. */
export async function readBoot(
  runtime: Pick<Runtime, "readText">,
): Promise<string | undefined> {
  const boot = await readKernelBoot(runtime);
  const first = await readStat(runtime, 1);
  if (boot === undefined || first === undefined) return undefined;
  return `${boot} ${first.startedAt}`;
}

/** This boot of this machine, the same in all its containers; undefined without /proc. */
export async function readKernelBoot(
  runtime: Pick<Runtime, "readText">,
): Promise<string | undefined> {
  const text = await runtime.readText("/proc/sys/kernel/random/boot_id").catch(() => undefined);
  return text?.trim();
}

/** What /proc says of a process; undefined if there is none. */
export async function readStat(
  runtime: Pick<Runtime, "readText">,
  pid: number,
): Promise<ProcessStat | undefined> {
  // A process may exit between the opening and the reading of its file.
  const text = await runtime.readText(`/proc/${pid}/stat`).catch(() => undefined);
  if (text === undefined) return undefined;
  // The name in parentheses may contain anything; after the last one come state, parent, group,
  // session …
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return {
    ended: fields[0] === "Z" || fields[0] === "X",
    session: Number(fields[3]),
    startedAt: fields[19] ?? "",
  };
}

/** The output of `ps`; empty if there is no `ps` or it does not answer in time. */
export async function runPs(deps: ProcessDeps, args: readonly string[]): Promise<string> {
  const { runtime, clock, limits } = deps;
  try {
    const env = { PATH: runtime.env["PATH"] ?? "/usr/bin:/bin", LC_ALL: "C" };
    const child = runtime.spawn({ command: "ps", args, env });
    void child.stderr.cancel().catch(() => {});
    const written = new Response(child.stdout).text();
    const text = await withDeadline(clock, limits.stopMs, written, () => "");
    if (text === "") runtime.signalGroup(child.pid, "SIGKILL");
    return text;
  } catch {
    return "";
  }
}
