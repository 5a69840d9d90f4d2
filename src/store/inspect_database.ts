/**
 * A look at a database that no gateway uses, which changes nothing in it: whether it is sound, its
 * version, and the process groups that an earlier run noted. Opening it for use is database.ts.
 */
import { type Clock, systemClock } from "../clock.ts";
import { defaultLimits } from "../limits.ts";
import type { Runtime } from "../runtime/runtime.ts";
import type { ProcessGroup } from "../upstream/deps.ts";
import { isCorrupt, toPrimaryCode } from "./database.ts";
import { schemaSteps } from "./schema_steps.ts";
import { openSqliteProcessGroups } from "./sqlite_process_groups.ts";

/** What a database is like. */
export type DatabaseFacts =
  | {
    readonly state: "sound";
    readonly version: number;
    /** That of this program. */
    readonly ownVersion: number;
    readonly groups: readonly ProcessGroup[];
  }
  | { readonly state: "in-use" }
  | { readonly state: "corrupt" | "unreadable"; readonly reason: string };

/** The primary SQLite result code of a database that another process has locked. */
const sqliteBusy = 5;

/** Looks at the database at a path, which must exist. */
export async function inspectDatabase(
  runtime: Runtime,
  path: string,
  clock: Clock = systemClock,
): Promise<DatabaseFacts> {
  try {
    const database = runtime.openDatabase(path);
    try {
      database.exec(`PRAGMA busy_timeout = ${defaultLimits.databaseBusyMs}`);
      database.exec("PRAGMA query_only = ON");
      const verdict = Object.values(database.prepare("PRAGMA quick_check(1)").get() ?? {})[0];
      if (verdict !== "ok") return { state: "corrupt", reason: String(verdict) };
      const row = database.prepare("PRAGMA user_version").get();
      const version = Number(row?.["user_version"] ?? 0);
      const groups = version === 0 ? [] : await openSqliteProcessGroups({ database, clock }).all();
      return { state: "sound", version, ownVersion: schemaSteps.length, groups };
    } finally {
      database.close();
    }
  } catch (fault) {
    const reason = fault instanceof Error ? fault.message : String(fault);
    if (toPrimaryCode(fault) === sqliteBusy) return { state: "in-use" };
    return { state: isCorrupt(fault) ? "corrupt" : "unreadable", reason };
  }
}
