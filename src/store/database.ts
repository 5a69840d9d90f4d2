/**
 * The one database file of a data directory: how it is opened, checked and locked. Its tables are in
 * schema_steps.ts, and migration.ts brings those of an older gateway up to date; the stores that read and write them are the `sqlite_*.ts` files.
 * One gateway owns the file: a second one on the same data directory is refused.
 */
import { sleep } from "../clock.ts";
import { noDirectory } from "../config/places.ts";
import type { Limits } from "../limits.ts";
import type { Log } from "../log.ts";
import type { Runtime, SqlDatabase } from "../runtime/runtime.ts";
import { tryLock } from "./directory_lock.ts";
import { migrate } from "./migration.ts";
import { setAside } from "./set_aside.ts";
import type { StoreKindOptions } from "./stores.ts";
import { isCorrupt, sqliteCorrupt, toPrimaryCode } from "./transact.ts";

export { isCorrupt, toPrimaryCode, transact } from "./transact.ts";

/** By these words a start knows that another gateway was first. */
export const lockedWords = "another gateway uses this data directory";

/** The primary SQLite result code of a database that another process has locked. */
const sqliteBusy = 5;

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
    if (toPrimaryCode(fault) === sqliteBusy) throw lockedError(path, undefined, fault);
    if (!isCorrupt(fault)) throw fault;
    setAside(runtime, path, { reason: "it is corrupt", limits, log, fault });
    return openChecked(runtime, path, limits, log);
  }
}

/** The refusal of a data directory that another process uses, with its id if that is known. */
function lockedError(path: string, pid: number | undefined, cause?: unknown): Error {
  const which = pid === undefined ? "" : ` (process ${pid})`;
  return new Error(
    `Cannot open "${path}": ${lockedWords}${which}; ` +
      "stop that gateway, or choose another folder by MCP_DATA_DIR or --data",
    { cause },
  );
}

/** Whether an opening failed because another process uses the database. */
export function isLocked(fault: unknown): boolean {
  return fault instanceof Error && fault.message.includes(lockedWords);
}

/** What a data directory is opened with. */
export type OpeningDeps = Pick<StoreKindOptions, "runtime" | "limits" | "clock">;

/** A database in use, and the lock of its data directory. */
export interface OwnedDatabase {
  readonly database: SqlDatabase;
  /** Closes the database, and then lets others use the directory. */
  close(): void;
}

/**
 * Locks a data directory and opens its database by `open`. Waits a while if another process uses it:
 * each attempt after a random part of a span that doubles (case P3).
 */
export async function openWhenFree(
  deps: OpeningDeps,
  directory: string,
  open: (path: string) => SqlDatabase,
): Promise<OwnedDatabase> {
  const { limits, clock } = deps;
  if (directory === noDirectory) {
    const database = open(noDirectory);
    return { database, close: () => database.close() };
  }
  const until = clock.monotonic() + limits.databaseLockedMs;
  for (let attempt = 0;; attempt++) {
    const isLast = clock.monotonic() >= until;
    try {
      return await openOnce(deps, directory, open, isLast);
    } catch (fault) {
      if (!isLocked(fault) || isLast) throw fault;
    }
    const span = Math.min(limits.databaseRetryMsMax, limits.databaseRetryMsMin * 2 ** attempt);
    await sleep(clock, clock.random() * span);
  }
}

async function openOnce(
  deps: OpeningDeps,
  directory: string,
  open: (path: string) => SqlDatabase,
  isLast: boolean,
): Promise<OwnedDatabase> {
  const path = databasePath(directory);
  const lock = await tryLock(deps, directory, { force: isLast });
  if (!lock.isTaken) throw lockedError(path, lock.pid);
  try {
    const database = open(path);
    return {
      database,
      close() {
        try {
          database.close();
        } finally {
          lock.release();
        }
      },
    };
  } catch (fault) {
    lock.release();
    throw fault;
  }
}

/** The path of the database in a data directory. */
export function databasePath(directory: string): string {
  return `${directory}/mcp-wrapper.db`;
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
