/**
 * The system's processes: the groups that an earlier run of the gateway left behind, and
 * descendants of a child that left its group by `setsid`, where no group signal reaches them (case
 * E8). Not here: how a process is identified (process_identity.ts).
 */
import {
  type ProcessDeps,
  readBoot,
  readIdentity,
  readStat,
  runPs,
} from "../../process_identity.ts";

export { type ProcessDeps, readIdentity };

/** One line of `ps`. */
interface ProcessRow {
  readonly pid: number;
  readonly parent: number;
  readonly group: number;
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

async function listProcesses(deps: ProcessDeps): Promise<ProcessRow[]> {
  const text = await runPs(deps, ["-A", "-o", "pid=", "-o", "ppid=", "-o", "pgid="]);
  return text.split("\n").flatMap((line) => {
    const [pid, parent, group] = line.trim().split(/\s+/).map(Number);
    if (pid === undefined || parent === undefined || group === undefined) return [];
    return [{ pid, parent, group }];
  });
}
