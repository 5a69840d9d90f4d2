/**
 * The platform on Deno. It has the same members as `bun.ts` and `node.ts` in the same order, so that
 * the three files show only the differences. Only `main/deno.ts` loads it.
 */
import { existsSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { setImmediate } from "node:timers";
import { sleep, systemClock, withDeadline } from "../clock.ts";
import { defaultLimits } from "../limits.ts";
import { readAddresses } from "./addresses.ts";
import { answer, internalFault, refuseClosing, toListenFault, toSpawnFault } from "./answer.ts";
import { releaseSocket } from "./deno_sockets.ts";
import { hmacSha256, sha256 } from "./digest.ts";
import { files, toCode } from "./files.ts";
import { createLateOutgoing, serveHardened } from "./late_parts.ts";
import { readMemory } from "./memory.ts";
import { garbage } from "./v8_garbage.ts";
import { createNodeSqlite } from "./node_sqlite.ts";
import type {
  Child,
  ChildInput,
  ExitStatus,
  Listener,
  Runtime,
  ServeOptions,
  SignalName,
  SpawnOptions,
} from "./runtime.ts";
import { createDatabaseOpener } from "./sql_database.ts";
import { endWindowsTree, isWindows, toSystemCommand } from "./system_command.ts";

/** The platform of this process. */
export function createDenoRuntime(): Runtime {
  return {
    name: `Deno ${Deno.version.deno}`,
    serve: (options) =>
      options.listener === "hardened" ? serveHardened(options, releaseSocket) : serve(options),
    spawn,
    signalGroup,
    request: createLateOutgoing(),
    openDatabase,
    ...files,
    addresses: readAddresses,
    pid: Deno.pid,
    env: Deno.env.toObject(),
    nextTurn: (run) => void setImmediate(run),
    garbage,
    sha256,
    hmacSha256,
    memory: readMemory,
    onSignal,
  };
}

async function serve(options: ServeOptions): Promise<Listener> {
  const { listenerReopenMs } = { ...defaultLimits, ...options.limits };
  const cutter = new AbortController();
  let running = 0;
  let whenQuiet: (() => void) | undefined;
  const finished = () => {
    running -= 1;
    if (running === 0) whenQuiet?.();
  };
  try {
    const open = (port: number) =>
      Deno.serve({
        hostname: options.hostname,
        port,
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
          // Except after a short body, Deno.serve reads the socket again only when it sends
          // something.
          disconnectHidden: true,
        });
      });
    let server = open(options.port);
    const { port } = server.addr;
    // Deno closes the port for good when it cannot accept a connection, such as while too many files
    // are open; open connections go on.
    const keepOpen = (): void => {
      server.finished.catch(async () => {
        for (;;) {
          await sleep(systemClock, listenerReopenMs);
          if (whenQuiet !== undefined) return;
          try {
            server = open(port);
            return keepOpen();
          } catch {
            // There is still no room for it.
          }
        }
      });
    };
    keepOpen();
    return {
      hostname: options.hostname,
      port,
      async close(graceMs) {
        // Nothing can cut an open stream after `shutdown`, so it waits until no request runs. An
        // immediate `abort` would lose bytes that are still being sent.
        const endsAt = systemClock.monotonic() + graceMs;
        const quiet = new Promise<boolean>((resolve) => {
          whenQuiet = () => resolve(true);
          if (running === 0) resolve(true);
        });
        if (!await withDeadline(systemClock, graceMs, quiet, () => false)) return cutter.abort();
        const restMs = Math.max(0, endsAt - systemClock.monotonic());
        await withDeadline(systemClock, restMs, server.shutdown(), () => {});
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
    const child = new Deno.Command(own.command, {
      args: [...own.args],
      env: { ...env },
      clearEnv: true,
      ...(cwd === undefined ? {} : { cwd }),
      // On Windows it would have no console at all.
      detached: !isWindows,
      windowsRawArguments: own.isRaw,
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const exited = child.status.then(({ code, signal }): ExitStatus => ({
      code: signal === null ? code : null,
      signal,
    }));
    const { pid, stdin, stdout, stderr } = child;
    return { pid, stdin: toInput(stdin), stdout, stderr, exited };
  } catch (fault) {
    const folderMissing = cwd !== undefined && !existsSync(cwd);
    throw toSpawnFault(command, cwd, toCode(fault) ?? "unknown", folderMissing);
  }
}

function toInput(stream: WritableStream<Uint8Array>): ChildInput {
  const writer = stream.getWriter();
  // The failing write reports a broken stream; these two would be unhandled rejections.
  writer.closed.catch(() => {});
  writer.ready.catch(() => {});
  const encoder = new TextEncoder();
  return {
    write: (text) => writer.write(encoder.encode(text)),
    close: () => void writer.close().catch(() => {}),
  };
}

function signalGroup(groupId: number, signal: "SIGTERM" | "SIGKILL"): boolean {
  if (isWindows) return endWindowsTree(groupId, signal);
  // 0 and -1 would mean the gateway's own group and all processes.
  if (!Number.isSafeInteger(groupId) || groupId <= 1) return false;
  try {
    Deno.kill(-groupId, signal);
    return true;
  } catch {
    return false;
  }
}

const openDatabase = createDatabaseOpener(createNodeSqlite(() => DatabaseSync));

function onSignal(handler: (signal: SignalName) => void): () => void {
  const names: SignalName[] = ["SIGINT", "SIGTERM", "SIGHUP"];
  const listeners = names.map((name) => [name, () => handler(name)] as const);
  for (const [name, listener] of listeners) Deno.addSignalListener(name, listener);
  return () => {
    for (const [name, listener] of listeners) Deno.removeSignalListener(name, listener);
  };
}
