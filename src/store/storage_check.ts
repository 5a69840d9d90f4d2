/**
 * Whether the database takes writes: found out by the clock, and at once after a write that failed
 * (case G2). A full or read-only disk costs new sessions alone, until writing works again.
 */
import type { Clock } from "../clock.ts";
import type { Limits } from "../limits.ts";
import type { Log } from "../log.ts";
import type { SqlDatabase } from "../runtime/runtime.ts";
import { transact } from "./database.ts";
import { schemaSteps } from "./schema_steps.ts";

/** What a check needs. */
export interface StorageCheckOptions {
  readonly database: SqlDatabase;
  readonly clock: Clock;
  readonly limits: Pick<Limits, "storageCheckMs" | "storageRetryMs" | "storageProbeBytes">;
  readonly log: Log;
}

/** Whether the database takes writes. */
export interface StorageCheck {
  /** Why the latest write failed; undefined while writes succeed. */
  problem(): string | undefined;
  /** A write failed: finds out at once whether others do, too. */
  suspect(): void;
  close(): void;
}

/**
 * Starts the check of one database. While writes succeed it rarely writes, and little. After a
 * failure it writes as much as a new session needs.
 */
export function createStorageCheck(options: StorageCheckOptions): StorageCheck {
  const { clock, limits, log } = options;
  let problem: string | undefined;
  let cancelLook = (): void => {};
  const look = (isSuspect: boolean): void => {
    const before = problem;
    problem = whyUnwritable(options, isSuspect);
    if (problem !== undefined && before === undefined) {
      log.error("Cannot write to the database: new sessions are refused until that works", {
        reason: problem,
      });
    }
    if (problem === undefined && before !== undefined) {
      log.info("The database can be written again");
    }
    cancelLook();
    const ms = problem === undefined ? limits.storageCheckMs : limits.storageRetryMs;
    cancelLook = clock.after(ms, () => look(problem !== undefined));
  };
  cancelLook = clock.after(limits.storageCheckMs, () => look(false));
  return {
    problem: () => problem,
    suspect() {
      // After that, the clock alone looks again.
      if (problem === undefined) look(true);
    },
    close: () => cancelLook(),
  };
}

function whyUnwritable(
  { database, limits }: StorageCheckOptions,
  isSuspect: boolean,
): string | undefined {
  try {
    // The same version again: the least that SQLite writes.
    if (!isSuspect) database.exec(`PRAGMA user_version = ${schemaSteps.length}`);
    else writeProbe(database, "x".repeat(limits.storageProbeBytes));
    return undefined;
  } catch (fault) {
    return fault instanceof Error ? fault.message : String(fault);
  }
}

function writeProbe(database: SqlDatabase, body: string): void {
  transact(database, () => {
    database.prepare(
      "INSERT OR REPLACE INTO catalogs (key, server, body, saved_at) VALUES ('probe', '', ?, 0)",
    ).run(body);
  });
  database.exec("DELETE FROM catalogs WHERE key = 'probe'");
}
