/**
 * The platform in tests: the real one of whatever runs the test, and a wrapper around any platform
 * that makes the Nth spawn, write, statement or file fault with a chosen error.
 */
import type {
  Child,
  ChildInput,
  LogFile,
  Runtime,
  SqlDatabase,
  SqlStatement,
  SqlValue,
} from "../../src/runtime/runtime.ts";
import { type RuntimeName, thisRuntime } from "./runtimes.ts";

const create: Readonly<Record<RuntimeName, () => Promise<Runtime>>> = {
  bun: async () => (await import("../../src/runtime/bun.ts")).createBunRuntime(),
  deno: async () => (await import("../../src/runtime/deno.ts")).createDenoRuntime(),
  node: async () => (await import("../../src/runtime/node.ts")).createNodeRuntime(),
};

/** The shim of the runtime that this test runs on. */
export async function createTestRuntime(): Promise<Runtime> {
  return await create[thisRuntime]();
}

/**
 * What can be made to fail: a spawn, a write to a child, an SQL statement, one that changes the
 * database, a file written.
 */
export type FaultPoint = "spawn" | "stdin" | "sql" | "sql write" | "file";

/** A runtime whose faults are chosen by the test. */
export interface FaultyRuntime extends Runtime {
  /** How often each point was reached, failures included. */
  readonly counts: Readonly<Record<FaultPoint, number>>;
  /** Makes the `nth` time from now (1 is the next) that a point is reached throw `fault`. */
  failAt(point: FaultPoint, nth: number, fault: Error): void;
  /** Makes every time from now throw, until `heal`. */
  failAlways(point: FaultPoint, fault: Error): void;
  /** Takes back all faults of a point. */
  heal(point: FaultPoint): void;
}

/** An SQLite fault as the shims throw it, such as 5 (busy), 13 (full) or 10 (input/output). */
export function createSqlFault(sqliteCode: number, message = "fault by the test"): Error {
  return Object.assign(new Error(message), { sqliteCode });
}

/** Wraps a runtime so that faults can be chosen; without any it behaves as `inner`. */
export function createFaultyRuntime(inner: Runtime): FaultyRuntime {
  const counts: Record<FaultPoint, number> = {
    spawn: 0,
    stdin: 0,
    sql: 0,
    "sql write": 0,
    file: 0,
  };
  const planned = new Map<string, Error>();
  const standing = new Map<FaultPoint, Error>();
  const reach = (point: FaultPoint) => {
    counts[point] += 1;
    const fault = planned.get(`${point} ${counts[point]}`) ?? standing.get(point);
    planned.delete(`${point} ${counts[point]}`);
    if (fault !== undefined) throw fault;
  };
  return {
    ...inner,
    counts,
    failAt: (point, nth, fault) => void planned.set(`${point} ${counts[point] + nth}`, fault),
    failAlways: (point, fault) => void standing.set(point, fault),
    heal(point) {
      standing.delete(point);
      for (const key of planned.keys()) if (key.startsWith(`${point} `)) planned.delete(key);
    },
    spawn(options) {
      reach("spawn");
      return withFaultyStdin(inner.spawn(options), () => reach("stdin"));
    },
    openDatabase: (path) =>
      withFaultySql(inner.openDatabase(path), (sql) => {
        reach("sql");
        if (writes.test(sql)) reach("sql write");
      }),
    openLog: (path, bounds) => withFaultyLog(inner.openLog(path, bounds), () => reach("file")),
    async writeText(path, text) {
      reach("file");
      await inner.writeText(path, text);
    },
  };
}

function withFaultyStdin(child: Child, reach: () => void): Child {
  const stdin: ChildInput = {
    write(text) {
      try {
        reach();
      } catch (fault) {
        return Promise.reject(fault);
      }
      return child.stdin.write(text);
    },
    close: () => child.stdin.close(),
  };
  return { ...child, stdin };
}

const writes = /^\s*(?:INSERT|UPDATE|DELETE|VACUUM|PRAGMA user_version =)/i;

function withFaultySql(database: SqlDatabase, reach: (sql: string) => void): SqlDatabase {
  const wrap = (statement: SqlStatement, sql: string): SqlStatement => {
    const reached = <Value>(work: () => Value): Value => {
      reach(sql);
      return work();
    };
    return {
      run: (...values: SqlValue[]) => reached(() => statement.run(...values)),
      get: (...values: SqlValue[]) => reached(() => statement.get(...values)),
      all: (...values: SqlValue[]) => reached(() => statement.all(...values)),
    };
  };
  return {
    exec(sql) {
      reach(sql);
      database.exec(sql);
    },
    prepare: (sql) => wrap(database.prepare(sql), sql),
    close: () => database.close(),
  };
}

/** A log file never throws: a fault costs the line. */
function withFaultyLog(file: LogFile, reach: () => void): LogFile {
  return {
    async append(text) {
      try {
        reach();
      } catch {
        return false;
      }
      return await file.append(text);
    },
    close: () => file.close(),
  };
}
