/**
 * Brings the tables of a database to the version of this program, only forward, and keeps a copy of
 * what was there before. The tables themselves are in schema_steps.ts.
 */
import type { Limits } from "../limits.ts";
import type { Log } from "../log.ts";
import type { Runtime, SqlDatabase } from "../runtime/runtime.ts";
import { isCorrupt, transact } from "./transact.ts";
import { schemaSteps } from "./schema_steps.ts";

/** What a migration needs. */
export interface MigrationDeps {
  readonly runtime: Pick<Runtime, "exists" | "openDatabase" | "remove" | "rename">;
  /** The file of the database; `:memory:` for none. */
  readonly path: string;
  readonly limits: Pick<Limits, "databaseCopiesMax">;
  readonly log: Log | undefined;
}

/**
 * Brings the tables up to date. Throws an error text if a newer gateway wrote them, or if they cannot
 * be copied first.
 */
export function migrate(database: SqlDatabase, deps: MigrationDeps): void {
  const { path, log } = deps;
  const version = Number(database.prepare("PRAGMA user_version").get()?.["user_version"] ?? 0);
  const latest = schemaSteps.length;
  if (version > latest) {
    throw new Error(
      `Cannot open "${path}": it was written by a newer version of the gateway; ` +
        "update the gateway or choose another data directory",
    );
  }
  const isOlder = version > 0 && version < latest;
  const copy = isOlder && path !== ":memory:" ? copyBefore(database, version, deps) : undefined;
  // Without a write the exclusive lock would be taken only at the first later write.
  transact(database, () => {
    for (const step of schemaSteps.slice(version)) database.exec(step);
    database.exec(`PRAGMA user_version = ${latest}`);
  });
  if (copy === undefined) return;
  log?.info(
    `Converted the database from version ${version} to ${latest}, which older gateways cannot ` +
      `read. As it was before, it is kept as "${copy}"`,
  );
}

/** Copies the database next to itself, and removes the oldest copies; returns the path. */
function copyBefore(database: SqlDatabase, version: number, deps: MigrationDeps): string {
  const { runtime, path, limits } = deps;
  const copyOf = (older: number) => `${path}.version-${older}`;
  const copy = copyOf(version);
  const draft = `${copy}.tmp`;
  try {
    runtime.remove(draft);
    // SQLite takes the empty private file, and keeps its mode.
    runtime.openDatabase(draft).close();
    database.prepare("VACUUM INTO ?").run(draft);
    runtime.rename(draft, copy);
  } catch (fault) {
    runtime.remove(draft);
    if (isCorrupt(fault)) throw fault;
    const reason = fault instanceof Error ? fault.message : String(fault);
    throw new Error(
      `Cannot copy "${path}" before its tables are converted: ${reason}; the disk needs room for ` +
        "one more file of that size",
      { cause: fault },
    );
  }
  const older = schemaSteps.map((_, at) => copyOf(at + 1)).filter((name) => runtime.exists(name));
  for (const name of older.slice(0, -limits.databaseCopiesMax)) runtime.remove(name);
  return copy;
}
