/**
 * Makes the database of `Runtime` from a runtime's SQLite library: statements are prepared once, and
 * faults carry SQLite's result code. Not here: the libraries' own names (bun.ts, node_sqlite.ts).
 */
import { preparePrivateFile } from "./files.ts";
import type { SqlDatabase, SqlStatement, SqlValue } from "./runtime.ts";

/** A prepared statement of a library. */
interface LibraryStatement {
  run(...values: SqlValue[]): { readonly changes: number | bigint };
  get(...values: SqlValue[]): unknown;
  all(...values: SqlValue[]): unknown[];
}

/** An open database of a library. */
interface LibraryDatabase<Statement> {
  exec(sql: string): void;
  prepare(sql: string): Statement;
  /** `prepared` are all statements that were prepared. */
  close(prepared: Iterable<Statement>): void;
}

/** One library. */
export interface SqlLibrary<Statement extends LibraryStatement> {
  open(path: string): LibraryDatabase<Statement>;
  /** A row as a plain object. */
  toRow(row: unknown): Record<string, SqlValue>;
  /**
   * The result code, if the library threw this fault; `sqliteCode` is undefined if it names none.
   */
  faultOf(thrown: Error): { readonly sqliteCode: unknown } | undefined;
}

/** Makes the function that opens databases; a new file is readable only by its owner. */
export function createDatabaseOpener<Statement extends LibraryStatement>(
  library: SqlLibrary<Statement>,
): (path: string) => SqlDatabase {
  const guard = <Value>(work: () => Value): Value => {
    try {
      return work();
    } catch (thrown) {
      const fault = thrown instanceof Error ? library.faultOf(thrown) : undefined;
      if (fault === undefined || !(thrown instanceof Error)) throw thrown;
      throw Object.assign(new Error(thrown.message, { cause: thrown }), fault);
    }
  };
  const toStatement = (statement: Statement): SqlStatement => ({
    run: (...values) => guard(() => ({ changes: Number(statement.run(...values).changes) })),
    get: (...values) =>
      guard(() => {
        const row = statement.get(...values) ?? undefined;
        return row === undefined ? undefined : library.toRow(row);
      }),
    all: (...values) => guard(() => statement.all(...values).map(library.toRow)),
  });
  return (path) => {
    if (path !== ":memory:") preparePrivateFile(path);
    const database = guard(() => library.open(path));
    const prepared = new Map<string, Statement>();
    return {
      exec: (sql) => guard(() => database.exec(sql)),
      prepare(sql) {
        const statement = prepared.get(sql) ?? guard(() => database.prepare(sql));
        prepared.set(sql, statement);
        return toStatement(statement);
      },
      close() {
        database.close(prepared.values());
        prepared.clear();
      },
    };
  };
}
