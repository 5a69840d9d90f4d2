/**
 * The lock of a data directory: a file with the id and the start of the process that uses it (case
 * G6). A file whose process has ended, or whose id another process has by now, is taken over. The
 * exclusive lock of the database decides where processes cannot be told apart, as on a system
 * without /proc and `ps`, or in two containers.
 */
import * as v from "valibot";
import { isRunning, type ProcessDeps, readIdentity } from "../process_identity.ts";
import type { Runtime } from "../runtime/runtime.ts";

/** The outcome of an attempt: the lock, or who has it. */
export type LockAttempt =
  | { readonly isTaken: true; readonly release: () => void }
  | {
    readonly isTaken: false;
    /** Undefined if the file does not say; its process may be about to write it. */
    readonly pid: number | undefined;
  };

/** The form of the file. */
const lockForm = v.object({
  pid: v.pipe(v.number(), v.integer(), v.minValue(1)),
  /** Empty if the system does not say. */
  start: v.string(),
});

/** The path of the file in a data directory. */
function lockPath(directory: string): string {
  return `${directory}/gateway.lock`;
}

/**
 * Tries once to lock a directory; `force` takes over a file that names no process. Rejects if the
 * file cannot be made or read.
 */
export async function tryLock(
  deps: ProcessDeps,
  directory: string,
  { force }: { readonly force: boolean },
): Promise<LockAttempt> {
  const { runtime } = deps;
  const path = lockPath(directory);
  const start = await readIdentity(deps, runtime.pid) ?? "";
  const own = `${JSON.stringify({ pid: runtime.pid, start })}\n`;
  const lock: LockAttempt = { isTaken: true, release: () => runtime.remove(path) };
  if (runtime.createText(path, own)) return lock;
  const text = await runtime.readText(path);
  if (text !== undefined) {
    const holder = readHolder(text);
    const isHeld = holder === undefined
      ? !force
      : holder.start !== "" && await isRunning(deps, holder.pid, holder.start);
    if (isHeld) return { isTaken: false, pid: holder?.pid };
    await removeStale(runtime, path, text);
  }
  // Between the two, another process may have been faster.
  return runtime.createText(path, own) ? lock : { isTaken: false, pid: undefined };
}

/** Removes a file with this text, and no other that took its place meanwhile. */
async function removeStale(
  runtime: Pick<Runtime, "readText" | "remove" | "rename">,
  path: string,
  text: string,
): Promise<void> {
  const aside = `${path}.${crypto.randomUUID()}.tmp`;
  if (!runtime.rename(path, aside)) return;
  if (await runtime.readText(aside) === text) runtime.remove(aside);
  else runtime.rename(aside, path);
}

function readHolder(text: string): v.InferOutput<typeof lockForm> | undefined {
  try {
    const read = v.safeParse(lockForm, JSON.parse(text));
    return read.success ? read.output : undefined;
  } catch {
    return undefined;
  }
}
