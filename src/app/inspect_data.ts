/** What an earlier run left in a data folder that no gateway uses: for commands that only look. */
import { systemClock } from "../clock.ts";
import { defaultLimits } from "../limits.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { type DatabaseFacts, inspectDatabase } from "../store/inspect_database.ts";
import { isLeftover } from "../upstream/stdio/process_table.ts";

/** A server's process group that outlived its gateway. */
export interface LeftoverGroup {
  readonly groupId: number;
  readonly server: string;
}

/** The database, and the processes that still run. */
export interface DataFacts {
  readonly database: DatabaseFacts;
  readonly leftovers: readonly LeftoverGroup[];
}

/** Looks at the database at a path, which must exist; changes nothing. */
export async function inspectData(runtime: Runtime, path: string): Promise<DataFacts> {
  const database = await inspectDatabase(runtime, path);
  if (database.state !== "sound") return { database, leftovers: [] };
  const deps = { runtime, clock: systemClock, limits: defaultLimits };
  const leftovers: LeftoverGroup[] = [];
  for (const { groupId, identity, server } of database.groups) {
    if (await isLeftover(deps, groupId, identity)) leftovers.push({ groupId, server });
  }
  return { database, leftovers };
}
