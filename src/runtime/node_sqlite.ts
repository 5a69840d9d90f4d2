/**
 * The SQLite library `node:sqlite`, which Deno and Node share, as a library of sql_database.ts. The
 * caller passes its class, since Node loads it late.
 */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { toCode } from "./files.ts";
import type { SqlValue } from "./runtime.ts";
import type { SqlLibrary } from "./sql_database.ts";

/** The library; `load` gives its class when the first database is opened. */
export function createNodeSqlite(load: () => typeof DatabaseSync): SqlLibrary<StatementSync> {
  return {
    open(path) {
      const Database = load();
      const database = new Database(path);
      return {
        exec: (sql) => database.exec(sql),
        prepare: (sql) => database.prepare(sql),
        close: () => database.close(),
      };
    },
    toRow,
    faultOf: (thrown) =>
      toCode(thrown) === "ERR_SQLITE_ERROR"
        ? { sqliteCode: "errcode" in thrown ? thrown.errcode : codeOfText(thrown.message) }
        : undefined,
  };
}

/** A plain object, as on Bun; the library's rows have no prototype. */
function toRow(row: unknown): Record<string, SqlValue> {
  return { ...(row as Record<string, SqlValue>) };
}

/**
 * On Deno, `exec` throws SQLite's text without its number; these are the faults that the gateway
 * handles.
 */
function codeOfText(text: string): number | undefined {
  // This one goes on with the name of the table and the fault in it.
  return text.startsWith("malformed database schema") ? 11 : codesByText[text];
}

const codesByText: Readonly<Record<string, number>> = {
  "database is locked": 5,
  "database table is locked": 6,
  "attempt to write a readonly database": 8,
  "disk I/O error": 10,
  "database disk image is malformed": 11,
  "database or disk is full": 13,
  "unable to open database file": 14,
  "file is not a database": 26,
};
