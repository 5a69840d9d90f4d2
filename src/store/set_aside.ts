/**
 * A database file that is empty or corrupt is kept under another name, which overwrites nothing: a
 * tool may still read something out of it. Which files these are is decided in database.ts.
 */
import type { Limits } from "../limits.ts";
import type { Log } from "../log.ts";
import type { Runtime } from "../runtime/runtime.ts";

/** The files of one database: its pages, its log, and the index of that log. */
const fileEnds: readonly string[] = ["", "-wal", "-shm"];

/**
 * Renames a database with its log to the first free `….corrupt-N`, with a line in the log. Throws
 * an error text if there are too many, so that a failing disk does not fill up with copies.
 */
export function setAside(
  runtime: Pick<Runtime, "exists" | "rename">,
  path: string,
  { reason, limits, log, fault }: {
    /** Goes on after the path. */
    readonly reason: string;
    readonly limits: Pick<Limits, "corruptFilesMax">;
    readonly log?: Log | undefined;
    readonly fault?: unknown;
  },
): void {
  const isTaken = (name: string) => fileEnds.some((end) => runtime.exists(`${name}${end}`));
  let count = 1;
  while (count <= limits.corruptFilesMax && isTaken(`${path}.corrupt-${count}`)) count += 1;
  if (count > limits.corruptFilesMax) {
    throw new Error(
      `Cannot use "${path}": ${reason}, and ${limits.corruptFilesMax} earlier ones were set ` +
        `aside; check the disk, and move the files ${path}.corrupt-* away`,
      { cause: fault },
    );
  }
  const aside = `${path}.corrupt-${count}`;
  // The log of the old file must never be replayed into the new one, so it goes first: after a
  // crash in between, the next start finds the corrupt file again.
  for (const end of [...fileEnds].reverse()) runtime.rename(`${path}${end}`, `${aside}${end}`);
  log?.error(
    `Cannot read "${path}": ${reason}. It is kept as "${aside}", and a new database is used; to ` +
      "get the contents back, stop the gateway and put a backup in its place",
    {
      ...(fault === undefined ? {} : { fault }),
      lost: "sessions, stored catalogs, added servers, keys, users, grants and credentials",
    },
  );
}
