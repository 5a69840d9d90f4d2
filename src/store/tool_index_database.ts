/**
 * The index of tools in SQLite's full-text search. It is a private database in memory, whatever
 * keeps the rest: it belongs to one instance, is made again from the lists of servers at the next
 * start, and so causes no write to a disk. It is opened at the first use.
 */
import type { Runtime, SqlDatabase } from "../runtime/runtime.ts";
import type { ToolIndex, ToolWords } from "../search/tool_index.ts";
import { transact } from "./database.ts";

/** The columns in their order, and how much a word in each counts. */
const columns: readonly (readonly [keyof ToolWords, number])[] = [
  ["name", 3],
  ["title", 3],
  ["description", 1],
  ["parameters", 0.3],
  ["server", 2],
  ["nameSenses", 3],
  ["textSenses", 1],
];

const names = columns.map(([name]) => name);
const weights = columns.map(([, weight]) => weight);

// The texts are never read again, so the table keeps their words alone.
const schema = `CREATE VIRTUAL TABLE tools USING fts5(
  ${names.join(", ")},
  content = '', contentless_delete = 1, prefix = '4 5',
  tokenize = 'porter unicode61 remove_diacritics 2'
)`;
const insert = `INSERT INTO tools (rowid, ${names.join(", ")})
  VALUES (?, ${names.map(() => "?").join(", ")})`;
const remove = "DELETE FROM tools WHERE rowid = ?";
const match = `SELECT rowid AS id, -bm25(tools, ${weights.join(", ")}) AS score
  FROM tools WHERE tools MATCH ?`;

/** Makes the index; it holds nothing until something is added. */
export function openToolIndex(
  { openDatabase, nextTurn }: Pick<Runtime, "openDatabase" | "nextTurn">,
): ToolIndex {
  let database: SqlDatabase | undefined;
  let lastId = 0;
  const open = (): SqlDatabase => {
    if (database !== undefined) return database;
    database = openDatabase(":memory:");
    database.exec(schema);
    return database;
  };
  return {
    add(tools) {
      const into = open();
      return transact(into, () =>
        tools.map((words) => {
          lastId += 1;
          into.prepare(insert).run(lastId, ...names.map((name) => words[name]));
          return lastId;
        }));
    },
    remove(ids) {
      const from = database;
      if (from === undefined || ids.length === 0) return;
      transact(from, () => ids.forEach((id) => from.prepare(remove).run(id)));
    },
    rest: () => new Promise((resolve) => nextTurn(resolve)),
    match(words, how) {
      const rows = database?.prepare(match).all(toExpression(words, how)) ?? [];
      return rows.map(({ id, score }) => ({ id: Number(id), score: Number(score) }));
    },
    close() {
      database?.close();
      database = undefined;
    },
  };
}

/** The words as an expression of FTS5: in quotation marks nothing is an operator. */
function toExpression(words: readonly string[], how: "whole" | "beginning"): string {
  const star = how === "beginning" ? " *" : "";
  return words.map((word) => `"${word.replaceAll('"', '""')}"${star}`).join(" OR ");
}
