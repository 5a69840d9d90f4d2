/**
 * The platform on Deno. It has the same members as `bun.ts` in the same order, so that the two
 * files show only the differences. Only `main/deno.ts` loads it.
 */
import { existsSync } from "node:fs";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { readAddresses } from "./addresses.ts";
import { answer, internalFault, refuseClosing, toListenFault, toSpawnFault } from "./answer.ts";
import { files, preparePrivateFile, toCode } from "./files.ts";
import { serveHardened } from "./hardened.ts";
import { createOutgoing } from "./outgoing.ts";
import type {
  Child,
  ExitStatus,
  Listener,
  Runtime,
  ServeOptions,
  SignalName,
  SpawnOptions,
  SqlDatabase,
  SqlStatement,
  SqlValue,
} from "./runtime.ts";

/** The platform of this process. */
export function createDenoRuntime(): Runtime {
  return {
    name: `Deno ${Deno.version.deno}`,
    serve: (options) => options.listener === "hardened" ? serveHardened(options) : serve(options),
    spawn,
    signalGroup,
    request: createOutgoing(),
    openDatabase,
    ...files,
    addresses: readAddresses,
    env: Deno.env.toObject(),
    onSignal,
  };
}

async function serve(options: ServeOptions): Promise<Listener> {
  const cutter = new AbortController();
  let running = 0;
  let whenQuiet: (() => void) | undefined;
  const finished = () => {
    running -= 1;
    if (running === 0) whenQuiet?.();
  };
  try {
    const server = Deno.serve({
      hostname: options.hostname,
      port: options.port,
      signal: cutter.signal,
      onListen: () => {},
      onError: internalFault,
    }, (request, info) => {
      if (whenQuiet !== undefined) return refuseClosing();
      running += 1;
      info.completed.then(finished, finished);
      return answer(options.fetch, request, {
        get remoteAddress() {
          const address = info.remoteAddr;
          return "hostname" in address ? address.hostname : undefined;
        },
        holdOpen: () => {},
        // Deno.serve looks at the socket again only to send something, unless the body was short.
        disconnectHidden: true,
      });
    });
    return {
      hostname: options.hostname,
      port: server.addr.port,
      async close(graceMs) {
        // After `shutdown` nothing can end a stream that stays open, so `shutdown` comes when all
        // is quiet; an early `abort` would lose bytes that are still being sent.
        let deadline: ReturnType<typeof setTimeout> | undefined;
        const late = new Promise<"late">((resolve) => {
          deadline = setTimeout(() => resolve("late"), graceMs);
        });
        const quiet = new Promise<"quiet">((resolve) => {
          whenQuiet = () => resolve("quiet");
          if (running === 0) resolve("quiet");
        });
        if (await Promise.race([late, quiet]) === "late") cutter.abort();
        else await Promise.race([server.shutdown(), late]);
        clearTimeout(deadline);
      },
    };
  } catch (fault) {
    throw toListenFault(options, fault, toCode(fault));
  }
}

function spawn({ command, args, env, cwd }: SpawnOptions): Child {
  try {
    const child = new Deno.Command(command, {
      args: [...args],
      env: { ...env },
      clearEnv: true,
      ...(cwd === undefined ? {} : { cwd }),
      detached: true,
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const exited = child.status.then(({ code, signal }): ExitStatus => ({
      code: signal === null ? code : null,
      signal,
    }));
    const { pid, stdin, stdout, stderr } = child;
    return { pid, stdin, stdout, stderr, exited };
  } catch (fault) {
    const folderMissing = cwd !== undefined && !existsSync(cwd);
    throw toSpawnFault(command, cwd, toCode(fault) ?? "unknown", folderMissing);
  }
}

function signalGroup(groupId: number, signal: "SIGTERM" | "SIGKILL"): boolean {
  // 0 and -1 would mean the gateway's own group and all processes.
  if (!Number.isSafeInteger(groupId) || groupId <= 1) return false;
  try {
    Deno.kill(-groupId, signal);
    return true;
  } catch {
    return false;
  }
}

function openDatabase(path: string): SqlDatabase {
  if (path !== ":memory:") preparePrivateFile(path);
  const database = guard(() => new DatabaseSync(path));
  const prepared = new Map<string, StatementSync>();
  return {
    exec: (sql) => guard(() => database.exec(sql)),
    prepare: (sql) => {
      const statement = prepared.get(sql) ?? guard(() => database.prepare(sql));
      prepared.set(sql, statement);
      return toStatement(statement);
    },
    close() {
      prepared.clear();
      database.close();
    },
  };
}

function toStatement(statement: StatementSync): SqlStatement {
  return {
    run: (...values) => guard(() => ({ changes: Number(statement.run(...values).changes) })),
    get: (...values) =>
      guard(() => {
        const row = statement.get(...values);
        return row === undefined ? undefined : toRow(row);
      }),
    all: (...values) => guard(() => statement.all(...values).map(toRow)),
  };
}

/** A plain object, as on Bun; Node's rows have no prototype. */
function toRow(row: unknown): Record<string, SqlValue> {
  return { ...(row as Record<string, SqlValue>) };
}

function guard<Value>(work: () => Value): Value {
  try {
    return work();
  } catch (fault) {
    if (toCode(fault) !== "ERR_SQLITE_ERROR" || !(fault instanceof Error)) throw fault;
    const sqliteCode = "errcode" in fault ? fault.errcode : codesByText[fault.message];
    throw Object.assign(new Error(fault.message, { cause: fault }), { sqliteCode });
  }
}

/** `exec` reports SQLite's text without its number; these are the faults that decide something. */
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

function onSignal(handler: (signal: SignalName) => void): () => void {
  const names: SignalName[] = ["SIGINT", "SIGTERM", "SIGHUP"];
  const listeners = names.map((name) => [name, () => handler(name)] as const);
  for (const [name, listener] of listeners) Deno.addSignalListener(name, listener);
  return () => {
    for (const [name, listener] of listeners) Deno.removeSignalListener(name, listener);
  };
}
