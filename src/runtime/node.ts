/**
 * The platform on Node. It has the same members as `bun.ts` and `deno.ts` in the same order, so
 * that the three files show only the differences. Only `main/node.ts` loads it.
 */
import { type ChildProcessWithoutNullStreams, spawn as spawnProcess } from "node:child_process";
import { existsSync } from "node:fs";
import process from "node:process";
import type { Writable } from "node:stream";
import { setImmediate } from "node:timers";
import { readAddresses } from "./addresses.ts";
import { brokenPipe, toSpawnFault } from "./answer.ts";
import { hmacSha256, sha256 } from "./digest.ts";
import { files, toCode } from "./files.ts";
import { createLateOutgoing, serveHardened } from "./late_parts.ts";
import { readMemory } from "./memory.ts";
import { createNodeSqlite } from "./node_sqlite.ts";
import { onSignal, readEnvironment, signalGroup } from "./process_group.ts";
import type { Child, ChildInput, ExitStatus, Runtime, SpawnOptions } from "./runtime.ts";
import { spawnCodeOf } from "./spawn_code.ts";
import { createDatabaseOpener } from "./sql_database.ts";
import { isWindows, toSystemCommand } from "./system_command.ts";
import { garbage } from "./v8_garbage.ts";
import { toWebStream } from "./web_stream.ts";

/** The platform of this process. */
export function createNodeRuntime(): Runtime {
  return {
    name: `Node ${process.versions.node}`,
    // Node's own server is the hardened one.
    serve: (options) => serveHardened(options),
    spawn,
    signalGroup,
    request: createLateOutgoing(),
    openDatabase,
    ...files,
    addresses: readAddresses,
    pid: process.pid,
    env: readEnvironment(),
    nextTurn: (run) => void setImmediate(run),
    garbage,
    sha256,
    hmacSha256,
    memory: readMemory,
    onSignal,
  };
}

function spawn(options: SpawnOptions): Child {
  const { command, cwd } = options;
  const fail = (code: string) =>
    toSpawnFault(command, cwd, code, cwd !== undefined && !existsSync(cwd));
  const child = start(options, fail);
  const { pid } = child;
  // Node reports the fault later, by an event.
  child.on("error", () => {});
  if (pid === undefined) throw fail(spawnCodeOf(options));
  const exited = new Promise<ExitStatus>((resolve) =>
    child.once("exit", (code, signal) => resolve({ code: signal === null ? code : null, signal }))
  );
  const ends = {
    cut: () => new Error("Cannot read what the program wrote: its output broke off"),
    cancelled: (source: { destroy(): void }) => source.destroy(),
  };
  return {
    pid,
    stdin: toInput(child.stdin, exited),
    stdout: toWebStream(child.stdout, ends),
    stderr: toWebStream(child.stderr, ends),
    exited,
  };
}

function start(
  options: SpawnOptions,
  fail: (code: string) => Error,
): ChildProcessWithoutNullStreams {
  const { env, cwd } = options;
  try {
    const own = toSystemCommand(options);
    return spawnProcess(own.command, [...own.args], {
      env: { ...env },
      ...(cwd === undefined ? {} : { cwd }),
      detached: !isWindows,
      windowsHide: true,
      windowsVerbatimArguments: own.isRaw,
      stdio: ["pipe", "pipe", "pipe"],
    });
  } catch (fault) {
    throw fail(toCode(fault) ?? "unknown");
  }
}

/** Text goes to the pipe as it is: Node encodes it while it writes. */
function toInput(stream: Writable, exited: Promise<ExitStatus>): ChildInput {
  let isOver = false;
  exited.then(() => isOver = true);
  // The failing write reports a broken pipe; without a listener it would be an unhandled fault.
  stream.on("error", () => {});
  return {
    write(text) {
      if (isOver || !stream.writable) return Promise.reject(brokenPipe());
      const hasRoom = stream.write(text);
      if (stream.errored !== null) return Promise.reject(stream.errored);
      return hasRoom ? undefined : untilRoom(stream);
    },
    close: () => void stream.end(),
  };
}

function untilRoom(stream: Writable): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = () => {
      stream.off("drain", settle);
      stream.off("close", settle);
      if (stream.destroyed) reject(stream.errored ?? brokenPipe());
      else resolve();
    };
    stream.on("drain", settle);
    stream.on("close", settle);
  });
}

const openDatabase = createDatabaseOpener(createNodeSqlite(loadSqlite));

/** Loads the library without the warning that it is an experiment; other warnings are shown. */
function loadSqlite() {
  const warn = process.emitWarning;
  process.emitWarning = () => {};
  try {
    return process.getBuiltinModule("node:sqlite").DatabaseSync;
  } finally {
    process.emitWarning = warn;
  }
}
