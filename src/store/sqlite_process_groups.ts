/**
 * The process groups of children in SQLite. Statements are prepared when they are used, so that a
 * failing database does not keep children from starting. Not here: the table (database.ts).
 */
import type { Clock } from "../clock.ts";
import type { SqlDatabase } from "../runtime/runtime.ts";
import type { ProcessGroupStore } from "../upstream/deps.ts";

/** Makes the store; the database has its tables already, and belongs to its opener. */
export function openSqliteProcessGroups(
  { database, clock }: { readonly database: SqlDatabase; readonly clock: Clock },
): ProcessGroupStore {
  return {
    async all() {
      return database.prepare("SELECT * FROM children").all().map((row) => ({
        groupId: Number(row["group_id"]),
        identity: String(row["identity"]),
        server: String(row["server"]),
      }));
    },
    async add({ groupId, identity, server }) {
      const sql = "INSERT OR REPLACE INTO children (group_id, identity, server, started_at) " +
        "VALUES (?, ?, ?, ?)";
      database.prepare(sql).run(groupId, identity, server, Math.round(clock.wall()));
    },
    async remove(groupId) {
      database.prepare("DELETE FROM children WHERE group_id = ?").run(groupId);
    },
  };
}
