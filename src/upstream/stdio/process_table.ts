/**
 * The system's processes: an identity that survives the reuse of process ids and a reboot, the
 * groups that an earlier run of the gateway left behind, and descendants of a child that left its
 * group by `setsid`, where no group signal reaches them (case E8). Reads /proc if it exists and
 * else asks `ps`; without either it finds nothing.
 */
import { type Clock, withDeadline } from "../../clock.ts";
import type { Limits } from "../../limits.ts";
import type { Runtime } from "../../runtime/runtime.ts";

/** The inputs of a look at processes. */
export interface ProcessDeps {
  readonly runtime: Runtime;
  readonly clock: Clock;
  readonly limits: Limits;
}

/** A process as in /proc. */
interface ProcessStat {
  readonly ended: boolean;
  readonly session: number;
  readonly startedAt: string;
}

/** One line of `ps`. */
interface ProcessRow {
  readonly pid: number;
  readonly parent: number;
  readonly group: number;
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

/**
 * Whether a process of a group that had this identity still runs. The leader may be gone while its
 * descendants live. They are then known by a session with the same number, because each child leads
 * its own session, within the same boot and namespace.
 */
export async function isLeftover(
  deps: ProcessDeps,
  groupId: number,
  identity: string,
): Promise<boolean> {
  const leader = await readStat(deps.runtime, groupId);
  const now = await readIdentity(deps, groupId);
  if (now !== undefined && now !== identity) return false;
  if (now !== undefined && !leader?.ended) return true;
  const boot = await readBoot(deps.runtime);
  if (boot === undefined || !identity.startsWith(`${boot} `)) return false;
  for (const { pid, group } of await listProcesses(deps)) {
    if (group !== groupId) continue;
    const member = await readStat(deps.runtime, pid);
    if (member !== undefined && !member.ended && member.session === groupId) return true;
  }
  return false;
}

/**
 * The descendants of a group that are not in it, children first. Must be asked while the group
 * lives: a process that outlives its parents cannot be traced.
 */
export async function findEscapedProcesses(deps: ProcessDeps, groupId: number): Promise<number[]> {
  const rows = await listProcesses(deps);
  const family = new Set(rows.filter((row) => row.group === groupId).map((row) => row.pid));
  const escaped: number[] = [];
  for (let grown = true; grown;) {
    grown = false;
    for (const { pid, parent } of rows) {
      if (family.has(pid) || !family.has(parent)) continue;
      family.add(pid);
      escaped.push(pid);
      grown = true;
    }
  }
  return escaped;
}

async function readBoot(runtime: Runtime): Promise<string | undefined> {
  const boot = await runtime.readText("/proc/sys/kernel/random/boot_id").catch(() => undefined);
  const first = await readStat(runtime, 1);
  if (boot === undefined || first === undefined) return undefined;
  return `${boot.trim()} ${first.startedAt}`;
}

async function readStat(runtime: Runtime, pid: number): Promise<ProcessStat | undefined> {
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

async function listProcesses(deps: ProcessDeps): Promise<ProcessRow[]> {
  const text = await runPs(deps, ["-A", "-o", "pid=", "-o", "ppid=", "-o", "pgid="]);
  return text.split("\n").flatMap((line) => {
    const [pid, parent, group] = line.trim().split(/\s+/).map(Number);
    if (pid === undefined || parent === undefined || group === undefined) return [];
    return [{ pid, parent, group }];
  });
}

/** The output of `ps`; empty if there is no `ps` or it does not answer in time. */
async function runPs(deps: ProcessDeps, args: readonly string[]): Promise<string> {
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
