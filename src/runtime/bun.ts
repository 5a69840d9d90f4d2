/**
 * The platform on Bun. It has the same members as `deno.ts` and `node.ts` in the same order, so that
 * the three files show only the differences. Only `main/bun.ts` loads it.
 */
import { Database, type Statement } from "bun:sqlite";
import { existsSync } from "node:fs";
import { defaultLimits, msPerSecond } from "../limits.ts";
import { readAddresses } from "./addresses.ts";
import { answer, brokenPipe, internalFault, toListenFault, toSpawnFault } from "./answer.ts";
import { hmacSha256, sha256 } from "./digest.ts";
import { files, toCode } from "./files.ts";
import { createLateOutgoing, serveHardened } from "./late_parts.ts";
import { readMemory } from "./memory.ts";
import { onSignal, readEnvironment, signalGroup } from "./process_group.ts";
import type {
  Child,
  ChildInput,
  ExitStatus,
  Listener,
  Runtime,
  ServeOptions,
  SpawnOptions,
  SqlValue,
} from "./runtime.ts";
import { createDatabaseOpener } from "./sql_database.ts";
import { isWindows, toSystemCommand } from "./system_command.ts";

/** The platform of this process. */
export function createBunRuntime(): Runtime {
  return {
    name: `Bun ${Bun.version}`,
    serve: (options) => options.listener === "hardened" ? serveHardened(options) : serve(options),
    spawn,
    signalGroup,
    request: createLateOutgoing(),
    openDatabase,
    ...files,
    addresses: readAddresses,
    pid: process.pid,
    env: readEnvironment(),
    nextTurn: (run) => void setImmediate(run),
    garbage: { collect: () => void Bun.gc(true), growth: "floodGrowthBytes" },
    sha256,
    hmacSha256,
    memory: readMemory,
    onSignal,
  };
}

/** The longest idle timeout that Bun accepts. */
const idleSecondsMax = 255;

const toIdleSeconds = (ms: number): number => Math.min(Math.ceil(ms / msPerSecond), idleSecondsMax);

async function serve(options: ServeOptions): Promise<Listener> {
  const { headersMs, unreadMs, drainCheckMs, listenerBodyBytesMax } = {
    ...defaultLimits,
    ...options.limits,
  };
  const unreadSeconds = toIdleSeconds(unreadMs);
  try {
    const server = Bun.serve({
      hostname: options.hostname,
      port: options.port,
      development: false,
      // Without this, `development: false` lets a second gateway share the port silently.
      reusePort: false,
      idleTimeout: toIdleSeconds(headersMs),
      maxRequestBodySize: options.bodyBytesMax ?? listenerBodyBytesMax,
      fetch(request, own) {
        const answered = answer(options.fetch, request, {
          get remoteAddress() {
            return own.requestIP(request)?.address;
          },
          holdOpen() {
            own.timeout(request, 0);
            // A stream has heartbeats, which count only while its client reads.
            queueMicrotask(() => answered.then(() => own.timeout(request, unreadSeconds)));
          },
        });
        return answered;
      },
      error: internalFault,
    });
    return {
      hostname: options.hostname,
      port: server.port ?? options.port,
      async close(graceMs) {
        const cut = setTimeout(() => void server.stop(true), graceMs);
        // Bun waits for a connection that has sent half a head, which is no request yet.
        const look = setInterval(() => {
          if (server.pendingRequests === 0) void server.stop(true);
        }, drainCheckMs);
        await server.stop(false);
        clearTimeout(cut);
        clearInterval(look);
      },
    };
  } catch (fault) {
    throw toListenFault(options, fault, toCode(fault));
  }
}

function spawn(options: SpawnOptions): Child {
  const { command, env, cwd } = options;
  try {
    const own = toSystemCommand(options);
    const child = Bun.spawn({
      cmd: [own.command, ...own.args],
      env: { ...env },
      ...(cwd === undefined ? {} : { cwd }),
      // On Windows it would open a window.
      detached: !isWindows,
      windowsHide: true,
      windowsVerbatimArguments: own.isRaw,
      stdin: "pipe",
      stdout: "pipe",
      stderr: "pipe",
    });
    const exited = child.exited.then((): ExitStatus => ({
      code: child.signalCode === null ? child.exitCode : null,
      signal: child.signalCode === null ? null : String(child.signalCode),
    }));
    const { pid, stdin, stdout, stderr } = child;
    return { pid, stdin: toInput(stdin, exited), stdout, stderr, exited };
  } catch (fault) {
    const folderMissing = cwd !== undefined && !existsSync(cwd);
    throw toSpawnFault(command, cwd, toCode(fault) ?? "unknown", folderMissing);
  }
}

/**
 * Uses the sink without a stream around it, which spares each write the cost of the stream. Bun's
 * sink returns `true` for a write after the end; here such a write fails with EPIPE, as on Deno.
 */
function toInput(sink: Bun.FileSink, exited: Promise<ExitStatus>): ChildInput {
  let isOver = false;
  exited.then(() => isOver = true);
  return {
    write(text) {
      try {
        if (isOver) throw brokenPipe();
        // Both may return promises that reject, so both must be awaited.
        const [written, flushed] = [sink.write(text), sink.flush()];
        if (!(written instanceof Promise) && !(flushed instanceof Promise)) return undefined;
        return Promise.all([written, flushed]).then(() => {});
      } catch (fault) {
        return Promise.reject(fault);
      }
    },
    close() {
      try {
        void Promise.resolve(sink.end()).catch(() => {});
      } catch {
        // The child has closed its stdin.
      }
    },
  };
}

const openDatabase = createDatabaseOpener<Statement>({
  open(path) {
    const database = new Database(path, { safeIntegers: true });
    return {
      exec: (sql) => void database.run(sql),
      prepare: (sql) => database.prepare(sql),
      close(prepared) {
        // An open statement would keep the file and its lock.
        for (const statement of prepared) statement.finalize();
        database.close(true);
      },
    };
  },
  toRow,
  faultOf: (thrown) => "errno" in thrown ? { sqliteCode: thrown.errno } : undefined,
});

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
