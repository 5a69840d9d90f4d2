/**
 * The one database file of a data directory: how it is opened, checked and locked. Its tables are in
 * schema_steps.ts, and migration.ts brings those of an older gateway up to date; the stores that read and write them are the `sqlite_*.ts` files.
 * One gateway owns the file: a second one on the same data directory is refused.
 */
import { sleep } from "../clock.ts";
import type { Limits } from "../limits.ts";
import type { Log } from "../log.ts";
import type { Runtime, SqlDatabase } from "../runtime/runtime.ts";
import { migrate } from "./migration.ts";
import { setAside } from "./set_aside.ts";
import type { StoreKindOptions } from "./stores.ts";

/** By these words a start knows that another gateway was first. */
export const lockedWords = "another gateway uses this data directory";

/** The primary SQLite result codes that this file handles; others are rethrown. */
const sqliteBusy = 5;
const sqliteCorrupt = 11;
const sqliteNotADatabase = 26;

/**
 * Opens the database of a data directory (`:memory:` keeps nothing) and locks it for this process.
 * An empty or corrupt file is set aside, and a new one is created (case G3).
 */
export function openStoreDatabase(
  runtime: Runtime,
  path: string,
  limits: Limits,
  log?: Log,
): SqlDatabase {
  try {
    // A failed copy or restore leaves an empty file, which SQLite would take for a new database.
    if (path !== ":memory:" && runtime.bytesOf(path) === 0) {
      setAside(runtime, path, { reason: "it is empty", limits, log });
    }
    return openChecked(runtime, path, limits, log);
  } catch (fault) {
    if (toPrimaryCode(fault) === sqliteBusy) {
      throw new Error(
        `Cannot open "${path}": ${lockedWords}; ` +
          "stop that gateway, or choose another folder by MCP_DATA_DIR or --data",
        { cause: fault },
      );
    }
    if (!isCorrupt(fault)) throw fault;
    setAside(runtime, path, { reason: "it is corrupt", limits, log, fault });
    return openChecked(runtime, path, limits, log);
  }
}

/** Whether an opening failed because another process uses the database. */
export function isLocked(fault: unknown): boolean {
  return fault instanceof Error && toPrimaryCode(fault.cause) === sqliteBusy;
}

/**
 * The same as `openStoreDatabase`, but waits a while if another process uses the database: each
 * attempt after a random part of a span that doubles (case P3).
 */
export async function openWhenFree(
  { runtime, limits, clock, log }: Pick<StoreKindOptions, "runtime" | "limits" | "clock" | "log">,
  path: string,
): Promise<SqlDatabase> {
  const until = clock.monotonic() + limits.databaseLockedMs;
  for (let attempt = 0;; attempt++) {
    try {
      return openStoreDatabase(runtime, path, limits, log);
    } catch (fault) {
      if (!isLocked(fault) || clock.monotonic() >= until) throw fault;
    }
    const span = Math.min(limits.databaseRetryMsMax, limits.databaseRetryMsMin * 2 ** attempt);
    await sleep(clock, clock.random() * span);
  }
}

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

function openChecked(runtime: Runtime, path: string, limits: Limits, log?: Log): SqlDatabase {
  const database = runtime.openDatabase(path);
  try {
    // The lock mode comes first: in WAL it then needs no shared memory and is held until the end.
    database.exec(`PRAGMA busy_timeout = ${limits.databaseBusyMs}`);
    database.exec("PRAGMA locking_mode = EXCLUSIVE");
    database.exec("PRAGMA journal_mode = WAL");
    database.exec("PRAGMA synchronous = NORMAL");
    database.exec("PRAGMA foreign_keys = OFF");
    database.exec(`PRAGMA journal_size_limit = ${limits.journalBytesMax}`);
    assertSound(database);
    migrate(database, { runtime, path, limits, log });
    return database;
  } catch (fault) {
    database.close();
    throw fault;
  }
}

function assertSound(database: SqlDatabase): void {
  const row = database.prepare("PRAGMA quick_check(1)").get();
  const verdict = row === undefined ? "no answer" : Object.values(row)[0];
  if (verdict === "ok") return;
  throw Object.assign(new Error(`Cannot use the database: ${verdict}`), {
    sqliteCode: sqliteCorrupt,
  });
}
