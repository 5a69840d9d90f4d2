/**
 * The platform on Bun. It has the same members as `deno.ts` in the same order, so that the two
 * files show only the differences. Only `main/bun.ts` loads it.
 */
import { Database, type Statement } from "bun:sqlite";
import { existsSync } from "node:fs";
import { defaultLimits, msPerSecond } from "../limits.ts";
import { readAddresses } from "./addresses.ts";
import { answer, internalFault, toListenFault, toSpawnFault } from "./answer.ts";
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
export function createBunRuntime(): Runtime {
  return {
    name: `Bun ${Bun.version}`,
    serve: (options) => options.listener === "hardened" ? serveHardened(options) : serve(options),
    spawn,
    signalGroup,
    request: createOutgoing(),
    openDatabase,
    ...files,
    addresses: readAddresses,
    env: toStrings(process.env),
    onSignal,
  };
}

async function serve(options: ServeOptions): Promise<Listener> {
  try {
    const server = Bun.serve({
      hostname: options.hostname,
      port: options.port,
      development: false,
      // Without this, `development: false` lets a second gateway share the port silently.
      reusePort: false,
      idleTimeout: defaultLimits.headersMs / msPerSecond,
      maxRequestBodySize: options.bodyBytesMax ?? defaultLimits.listenerBodyBytesMax,
      fetch(request, own) {
        return answer(options.fetch, request, {
          get remoteAddress() {
            return own.requestIP(request)?.address;
          },
          holdOpen: () => own.timeout(request, 0),
        });
      },
      error: internalFault,
    });
    return {
      hostname: options.hostname,
      port: server.port ?? options.port,
      async close(graceMs) {
        const cut = setTimeout(() => void server.stop(true), graceMs);
        await server.stop(false);
        clearTimeout(cut);
      },
    };
  } catch (fault) {
    throw toListenFault(options, fault, toCode(fault));
  }
}

function spawn({ command, args, env, cwd }: SpawnOptions): Child {
  try {
    const child = Bun.spawn({
      cmd: [command, ...args],
      env: { ...env },
      ...(cwd === undefined ? {} : { cwd }),
      detached: true,
      stdin: "pipe",
      stdout: "pipe",
      stderr: "pipe",
    });
    const exited = child.exited.then((): ExitStatus => ({
      code: child.signalCode === null ? child.exitCode : null,
      signal: child.signalCode === null ? null : String(child.signalCode),
    }));
    const { pid, stdin, stdout, stderr } = child;
    return { pid, stdin: toWritable(stdin, exited), stdout, stderr, exited };
  } catch (fault) {
    const folderMissing = cwd !== undefined && !existsSync(cwd);
    throw toSpawnFault(command, cwd, toCode(fault) ?? "unknown", folderMissing);
  }
}

/** Bun's own sink answers `true` to a write after the end; here that is EPIPE, as on Deno. */
function toWritable(sink: Bun.FileSink, exited: Promise<ExitStatus>): WritableStream<Uint8Array> {
  const broken = () =>
    Object.assign(new Error("Cannot write: the program ended"), { code: "EPIPE" });
  return new WritableStream<Uint8Array>({
    start(controller) {
      exited.then(() => controller.error(broken()));
    },
    async write(chunk) {
      // Both may be promises that reject: each must be awaited.
      await Promise.all([sink.write(chunk), sink.flush()]);
    },
    async close() {
      await sink.end();
    },
    async abort() {
      await sink.end();
    },
  });
}

function signalGroup(groupId: number, signal: "SIGTERM" | "SIGKILL"): boolean {
  // 0 and -1 would mean the gateway's own group and all processes.
  if (!Number.isSafeInteger(groupId) || groupId <= 1) return false;
  try {
    return process.kill(-groupId, signal);
  } catch {
    return false;
  }
}

function openDatabase(path: string): SqlDatabase {
  if (path !== ":memory:") preparePrivateFile(path);
  const database = guard(() => new Database(path, { safeIntegers: true }));
  const prepared = new Map<string, Statement>();
  return {
    exec: (sql) => guard(() => void database.run(sql)),
    prepare: (sql) => {
      const statement = prepared.get(sql) ?? guard(() => database.prepare(sql));
      prepared.set(sql, statement);
      return toStatement(statement);
    },
    close() {
      // An open statement would keep the file and its lock.
      for (const statement of prepared.values()) statement.finalize();
      prepared.clear();
      database.close(true);
    },
  };
}

function toStatement(statement: Statement): SqlStatement {
  return {
    run: (...values) => guard(() => ({ changes: Number(statement.run(...values).changes) })),
    get: (...values) =>
      guard(() => {
        const row = statement.get(...values);
        return row === null ? undefined : toRow(row);
      }),
    all: (...values) => guard(() => statement.all(...values).map(toRow)),
  };
}

function toRow(row: unknown): Record<string, SqlValue> {
  const values = row as Record<string, SqlValue | bigint>;
  const result: Record<string, SqlValue> = {};
  for (const [name, value] of Object.entries(values)) {
    if (typeof value !== "bigint") result[name] = value;
    else if (Number.isSafeInteger(Number(value))) result[name] = Number(value);
    else throw new RangeError(`Cannot read column "${name}": ${value} is too large for a number`);
  }
  return result;
}

function guard<Value>(work: () => Value): Value {
  try {
    return work();
  } catch (fault) {
    if (!(fault instanceof Error) || !("errno" in fault)) throw fault;
    throw Object.assign(new Error(fault.message, { cause: fault }), { sqliteCode: fault.errno });
  }
}

function onSignal(handler: (signal: SignalName) => void): () => void {
  const names: SignalName[] = ["SIGINT", "SIGTERM", "SIGHUP"];
  const listeners = names.map((name) => [name, () => handler(name)] as const);
  for (const [name, listener] of listeners) process.on(name, listener);
  return () => {
    for (const [name, listener] of listeners) process.off(name, listener);
  };
}

function toStrings(env: Record<string, string | undefined>): Record<string, string> {
  const result: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) if (value !== undefined) result[name] = value;
  return result;
}
