/**
 * Whether this process can open one more file (case G8). Without that, no server starts and no
 * client connects, although everything that is open goes on. Found out when it is asked, at most
 * once in `storageRetryMs`.
 */
import type { Clock } from "../clock.ts";
import type { Limits } from "../limits.ts";
import type { Log } from "../log.ts";
import type { Runtime } from "../runtime/runtime.ts";

/** What a check needs. */
export interface FileCheckOptions {
  readonly runtime: Pick<Runtime, "readText">;
  /** A small file, or one that does not exist. */
  readonly path: string;
  readonly clock: Clock;
  readonly limits: Pick<Limits, "storageRetryMs">;
  readonly log: Log;
}

/** What the system says while there are too many open files, here or on the machine. */
const tooMany: ReadonlySet<unknown> = new Set(["EMFILE", "ENFILE"]);

/** Makes a function that says why no file can be opened; undefined if one can. */
export function createFileCheck(
  { runtime, path, clock, limits, log }: FileCheckOptions,
): () => Promise<string | undefined> {
  let latest: Promise<string | undefined> = Promise.resolve(undefined);
  let nextAt = -Infinity;
  let isBroken = false;
  const look = async (): Promise<string | undefined> => {
    const problem = await runtime.readText(path).then(() => undefined, whyTooMany);
    if (problem !== undefined && !isBroken) {
      log.error("Too many files are open: servers and new connections may fail; raise the limit", {
        reason: problem,
      });
    }
    if (problem === undefined && isBroken) log.info("Files can be opened again");
    isBroken = problem !== undefined;
    return problem;
  };
  return () => {
    const now = clock.monotonic();
    if (now < nextAt) return latest;
    nextAt = now + limits.storageRetryMs;
    return latest = look();
  };
}

function whyTooMany(fault: unknown): string | undefined {
  const isTooMany = fault instanceof Error && "code" in fault && tooMany.has(fault.code);
  return isTooMany ? fault.message : undefined;
}
