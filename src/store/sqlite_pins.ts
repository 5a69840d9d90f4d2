/**
 * Fingerprints of tools in SQLite. An update is one transaction. Statements are prepared when they
 * are used, because most servers change rarely. Not here: the tables (schema_steps.ts), and what is
 * accepted (upstream/catalog).
 */
import type { Clock } from "../clock.ts";
import type { Limits } from "../limits.ts";
import type { Log } from "../log.ts";
import type { SqlDatabase, SqlValue } from "../runtime/runtime.ts";
import type { PinnedList, PinStore, PinUpdate, StoredChange } from "../upstream/pins.ts";
import { transact } from "./database.ts";
import { toChangeBody, toListBody, toPinnedList, toStoredChange } from "./pin_bodies.ts";

/** What the store is made from; the database has its tables already. */
export interface SqlitePinOptions {
  readonly database: SqlDatabase;
  readonly clock: Clock;
  readonly limits: Pick<Limits, "pinnedServersMax">;
  readonly log: Log;
}

const tables = ["tool_fingerprints", "tool_changes", "tool_definitions"] as const;

/** Makes the store; the database belongs to its opener. */
export function openSqlitePins(options: SqlitePinOptions): PinStore {
  const { database, limits, log } = options;
  return {
    async changes() {
      const sql = "SELECT * FROM tool_changes ORDER BY seen_at, server, tool, fingerprint";
      const rows = database.prepare(sql).all().flatMap((values) => {
        const change = toChange(values);
        if (change === undefined) log.warn("Cannot read a stored change of a tool; it is ignored");
        return change === undefined ? [] : [{ server: String(values["server"]), change }];
      });
      const byServer = Map.groupBy(rows, ({ server }) => server);
      return new Map([...byServer].map(([server, all]) => [server, all.map((one) => one.change)]));
    },
    async lists(server) {
      const sql = "SELECT * FROM tool_fingerprints WHERE server = ? ORDER BY saved_at, variant";
      return database.prepare(sql).all(server).flatMap((values): readonly PinnedList[] => {
        const { principal, variant, body } = values;
        const key = { principal: String(principal), variant: String(variant) };
        const list = toPinnedList(key, body);
        if (list === undefined) log.warn("Cannot read stored fingerprints; they are ignored");
        return list === undefined ? [] : [list];
      });
    },
    async definition(server, fingerprint) {
      const sql = "SELECT body FROM tool_definitions WHERE server = ? AND fingerprint = ?";
      const body = database.prepare(sql).get(server, fingerprint)?.["body"];
      return typeof body === "string" ? body : undefined;
    },
    async update(server, update) {
      transact(database, () => {
        change(options, server, update);
        dropBeyond(database, limits.pinnedServersMax);
      });
    },
    async remove(servers) {
      transact(database, () => removeAll(database, servers));
    },
    async servers() {
      const sql = tables.map((table) => `SELECT server FROM ${table}`).join(" UNION ");
      return database.prepare(sql).all().map(({ server }) => String(server));
    },
  };
}

function toChange(values: Record<string, SqlValue>): StoredChange | undefined {
  const { tool, fingerprint, seen_at: at, body } = values;
  const columns = { tool: String(tool), fingerprint: String(fingerprint), at: Number(at) };
  return toStoredChange(columns, body);
}

function change({ database, clock }: SqlitePinOptions, server: string, update: PinUpdate): void {
  const run = (sql: string, rows: readonly (readonly SqlValue[])[]): void => {
    if (rows.length === 0) return;
    const statement = database.prepare(sql);
    for (const row of rows) statement.run(server, ...row);
  };
  const now = Math.round(clock.wall());
  const { lists = [], changes = [], definitions = new Map<string, string>() } = update;
  const { droppedLists = [], droppedChanges = [], droppedDefinitions = [] } = update;
  run(
    "DELETE FROM tool_fingerprints WHERE server = ? AND principal = ? AND variant = ?",
    droppedLists.map(({ principal, variant }) => [principal, variant]),
  );
  run(
    "DELETE FROM tool_changes WHERE server = ? AND tool = ? AND fingerprint = ?",
    droppedChanges.map(({ tool, fingerprint }) => [tool, fingerprint]),
  );
  run(
    "DELETE FROM tool_definitions WHERE server = ? AND fingerprint = ?",
    [...droppedDefinitions, ...otherThan(database, server, update)].map((print) => [print]),
  );
  run(
    "INSERT OR REPLACE INTO tool_fingerprints (server, principal, variant, saved_at, body) " +
      "VALUES (?, ?, ?, ?, ?)",
    lists.map((list) => [list.principal, list.variant, now, toListBody(list)]),
  );
  run(
    "INSERT OR REPLACE INTO tool_changes (server, tool, fingerprint, seen_at, body) " +
      "VALUES (?, ?, ?, ?, ?)",
    changes.map((one) => [one.tool, one.fingerprint, Math.round(one.at), toChangeBody(one)]),
  );
  run(
    "INSERT OR REPLACE INTO tool_definitions (server, fingerprint, body) VALUES (?, ?, ?)",
    [...definitions],
  );
}

/** The fingerprints of stored definitions that are not among those to keep. */
function otherThan(
  database: SqlDatabase,
  server: string,
  { keptDefinitions }: PinUpdate,
): readonly string[] {
  if (keptDefinitions === undefined) return [];
  const sql = "SELECT fingerprint FROM tool_definitions WHERE server = ?";
  return database.prepare(sql).all(server).map(({ fingerprint }) => String(fingerprint))
    .filter((fingerprint) => !keptDefinitions.has(fingerprint));
}

function dropBeyond(database: SqlDatabase, serversMax: number): void {
  const sql = `SELECT server FROM tool_fingerprints GROUP BY server
    ORDER BY max(saved_at) DESC, server LIMIT -1 OFFSET ?`;
  removeAll(database, database.prepare(sql).all(serversMax).map(({ server }) => String(server)));
}

function removeAll(database: SqlDatabase, servers: readonly string[]): void {
  if (servers.length === 0) return;
  for (const table of tables) {
    const statement = database.prepare(`DELETE FROM ${table} WHERE server = ?`);
    for (const server of servers) statement.run(server);
  }
}
