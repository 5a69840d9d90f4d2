/**
 * A consistent copy of the database, while the gateway uses it and while none does. The copy has no
 * sealing key: that is in a file of the data directory, or in MCP_SECRET.
 */
import type { Runtime, SqlDatabase } from "../runtime/runtime.ts";
import { databasePath, type OpeningDeps, openWhenFree } from "./database.ts";

/**
 * Copies the database of a data directory that no gateway uses, as it is: a copy of an older one is
 * for the older gateway. Rejects with an error text.
 */
export async function backupDirectory(
  deps: OpeningDeps,
  directory: string,
  path: string,
): Promise<void> {
  const { runtime, limits } = deps;
  const source = databasePath(directory);
  if (runtime.bytesOf(source) === 0) {
    throw new Error(`Cannot copy the database to "${path}": "${source}" is empty`);
  }
  const { database, close } = await openWhenFree(deps, directory, runtime.openDatabase);
  try {
    database.exec(`PRAGMA busy_timeout = ${limits.databaseBusyMs}`);
    await copyDatabase({ runtime, database, path, isKept: true });
  } finally {
    close();
  }
}

/** Copies a database to a new file. Rejects with an error text. */
export async function copyDatabase(
  { runtime, database, path, isKept }: {
    readonly runtime: Pick<Runtime, "exists" | "writeText" | "remove">;
    readonly database: SqlDatabase;
    readonly path: string;
    /** Whether the database is a file; a copy of one in memory could not be used. */
    readonly isKept: boolean;
  },
): Promise<void> {
  if (!isKept) return await refuseBackup();
  const fail = (reason: string) => new Error(`Cannot copy the database to "${path}": ${reason}`);
  if (!isAbsolute(path)) throw fail("expected an absolute path");
  if (runtime.exists(path)) throw fail("the file exists; choose another name");
  if (!runtime.exists(folderOf(path))) throw fail("its folder does not exist; create it first");
  try {
    // SQLite takes an empty file, and keeps its mode.
    await runtime.writeText(path, "");
    database.prepare("VACUUM INTO ?").run(path);
  } catch (fault) {
    runtime.remove(path);
    throw fail(fault instanceof Error ? fault.message : String(fault));
  }
}

/** The answer of a store that has no file. */
export function refuseBackup(): Promise<never> {
  return Promise.reject(
    new Error("Cannot copy the database: this gateway keeps everything in memory"),
  );
}

function isAbsolute(path: string): boolean {
  return /^(?:\/|[A-Za-z]:[\\/]|\\\\)/.test(path) && !path.includes("\0");
}

function folderOf(path: string): string {
  const cut = path.startsWith("/")
    ? path.lastIndexOf("/")
    : Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\"));
  return cut <= 0 ? "/" : path.slice(0, cut);
}
