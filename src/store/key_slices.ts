/**
 * Work on all sessions that is done in slices of their keys, so that other work runs between the
 * slices: the table has no index but the key, and a whole scan of it would stop the gateway.
 */
import type { Runtime, SqlValue } from "../runtime/runtime.ts";

/** What the work runs by. */
export interface SliceOptions {
  readonly nextTurn: Runtime["nextTurn"];
  /** Whether the store was closed between two slices: then the rest is not done. */
  readonly isClosed: () => boolean;
}

/** Where the slices start. Keys are SHA-256 in hex, so the slices are equally large. */
const starts: readonly string[] = ["", ..."123456789abcdef"];
/** SQLite sorts every blob after every text. */
const noEnd = new Uint8Array();

/**
 * Does the work on the keys from `first` to before `end`, slice after slice, the first one at once.
 * Rejects with the first fault.
 */
export async function inSlices(
  { nextTurn, isClosed }: SliceOptions,
  work: (first: string, end: SqlValue) => void,
): Promise<void> {
  for (const [at, start] of starts.entries()) {
    if (at > 0) await new Promise<void>((resolve) => nextTurn(resolve));
    if (isClosed()) return;
    work(start, starts[at + 1] ?? noEnd);
  }
}
