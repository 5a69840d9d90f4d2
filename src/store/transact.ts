/** Transactions, and what SQLite's result codes mean. */
import type { SqlDatabase } from "../runtime/runtime.ts";

/** The primary SQLite result codes of a damaged file. */
export const sqliteCorrupt = 11;
const sqliteNotADatabase = 26;

/** Runs `work` as one transaction that takes the write lock at once; a throw undoes all of it. */
export function transact<Value>(database: SqlDatabase, work: () => Value): Value {
  database.exec("BEGIN IMMEDIATE");
  try {
    const value = work();
    database.exec("COMMIT");
    return value;
  } catch (fault) {
    try {
      database.exec("ROLLBACK");
    } catch {
      // Some faults (a full disk) have rolled back already; the first fault is the one to report.
    }
    throw fault;
  }
}

/** The numeric SQLite result code of a thrown value without its extension; undefined for others. */
export function toPrimaryCode(fault: unknown): number | undefined {
  if (!(fault instanceof Error) || !("sqliteCode" in fault)) return undefined;
  return typeof fault.sqliteCode === "number" ? fault.sqliteCode & 0xff : undefined;
}

/** Whether a fault means that the file is damaged and nothing it holds can be trusted. */
export function isCorrupt(fault: unknown): boolean {
  const code = toPrimaryCode(fault);
  return code === sqliteCorrupt || code === sqliteNotADatabase;
}
