/** The machine around the command line by `node:*`, which every runtime has. */
import { spawn } from "node:child_process";
import {
  accessSync,
  chmodSync,
  closeSync,
  constants,
  mkdirSync,
  openSync,
  readdirSync,
  realpathSync,
  rmSync,
  statfsSync,
  statSync,
  write as writeBytes,
} from "node:fs";
import { type FileHandle, open, readFile, rename, rm } from "node:fs/promises";
import { homedir } from "node:os";
import process from "node:process";
import { Readable } from "node:stream";
import { isatty } from "node:tty";
import { certificateEnd } from "./certificate_end.ts";
import { toCode } from "./files.ts";
import type {
  DetachOptions,
  FileFacts,
  OutputName,
  RunOptions,
  RunOutcome,
  System,
} from "./system.ts";

const descriptors = { stdin: 0, stdout: 1, stderr: 2 } as const;
const privateMode = 0o600;
const permissionBits = 0o777;
/** Every account may make files, and remove only its own. */
const forAllBits = 0o1002;
/** How long a full pipe gets to be read. */
const fullMs = 5;

/** The machine of this process. `pipe` replaces a `node:fs` that waits for the reader. */
export function createNodeSystem(pipe: WritePipe = writeToPipe): System {
  return {
    platform: process.platform,
    homeFolder: readHome(),
    pid: process.pid,
    parentPid: () => process.ppid,
    isTerminal: (stream) => isatty(descriptors[stream]),
    columns: () => process.stdout.isTTY ? process.stdout.columns : undefined,
    setRawInput(isRaw) {
      if (isatty(descriptors.stdin)) process.stdin.setRawMode(isRaw);
    },
    stdin: () => Readable.toWeb(process.stdin) as ReadableStream<Uint8Array>,
    write: (stream, text) => write(stream, text, pipe),
    describe,
    readPart,
    readBytes,
    certificateEnd,
    canWrite,
    freeBytes,
    list: (folder) => orNothing(() => readdirSync(folder).sort()) ?? [],
    makeFolder: (path, mode) => void mkdirSync(path, { recursive: true, mode }),
    setMode: chmodSync,
    replaceFile,
    removeFile: (path) => rmSync(path, { force: true }),
    isAlive: (pid) => signalProcess(pid, 0),
    // The first process of a container may be a gateway, and outside of one it is the system.
    signal: (pid, name) => pid > 1 && signalProcess(pid, name),
    run,
    detach,
  };
}

/** An account that the system does not list, as in some containers, has none. */
function readHome(): string {
  try {
    return homedir();
  } catch {
    return "";
  }
}

/**
 * Writes without stopping the program while a reader does not read: it could not even end on a
 * signal then. The streams of `node:process` write to a pipe at once on some runtimes.
 */
async function write(name: OutputName, text: string, pipe: WritePipe): Promise<void> {
  if (isatty(descriptors[name])) {
    return await new Promise((resolve, reject) => {
      process[name].write(text, (fault) => fault ? reject(fault) : resolve());
    });
  }
  for (let rest = new TextEncoder().encode(text); rest.byteLength > 0;) {
    rest = rest.subarray(await pipe(name, rest));
  }
}

/** Writes bytes to an output that is no terminal; resolves with how many were written. */
export type WritePipe = (name: OutputName, bytes: Uint8Array) => Promise<number>;

const writeToPipe: WritePipe = (name, bytes) =>
  new Promise((resolve, reject) => {
    writeBytes(descriptors[name], bytes, (fault, written) => {
      // Another program that shares the pipe may have made it refuse what has no room.
      if (toCode(fault) === "EAGAIN") setTimeout(() => resolve(0), fullMs);
      else if (fault) reject(fault);
      else resolve(written);
    });
  });

/** What the work gives; undefined if the path leads to nothing. */
function orNothing<Value>(work: () => Value): Value | undefined {
  try {
    return work();
  } catch (fault) {
    if (["ENOENT", "ENOTDIR"].includes(toCode(fault) ?? "")) return undefined;
    throw fault;
  }
}

function describe(path: string): FileFacts | undefined {
  return orNothing(() => {
    const facts = statSync(path);
    const own = process.getuid?.();
    return {
      kind: facts.isFile() ? "file" : facts.isDirectory() ? "folder" : "other",
      id: `${facts.dev}:${facts.ino}`,
      mode: facts.mode & permissionBits,
      bytes: facts.size,
      modifiedAt: facts.mtimeMs,
      realPath: realpathSync(path),
      isOwn: own === undefined || facts.uid === own,
      isForAll: facts.isDirectory() && (facts.mode & forAllBits) === forAllBits,
    };
  });
}

function canWrite(folder: string): boolean {
  try {
    accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function freeBytes(path: string): number | undefined {
  try {
    const { bavail, bsize } = statfsSync(path);
    return bavail * bsize;
  } catch {
    return undefined;
  }
}

async function readPart(
  path: string,
  offset: number,
  bytesMax: number,
): Promise<Uint8Array | undefined> {
  let handle: FileHandle;
  try {
    handle = await open(path, "r");
  } catch (fault) {
    if (toCode(fault) === "ENOENT") return undefined;
    throw fault;
  }
  try {
    const bytes = new Uint8Array(bytesMax);
    const { bytesRead } = await handle.read(bytes, 0, bytesMax, offset);
    return bytes.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}

async function readBytes(path: string): Promise<Uint8Array | undefined> {
  try {
    return await readFile(path);
  } catch (fault) {
    if (["ENOENT", "ENOTDIR"].includes(toCode(fault) ?? "")) return undefined;
    throw fault;
  }
}

async function replaceFile(path: string, text: string, mode: number): Promise<void> {
  const target = orNothing(() => realpathSync(path)) ?? path;
  const draft = `${target}.${crypto.randomUUID()}.tmp`;
  try {
    const handle = await open(draft, "wx", privateMode);
    try {
      await handle.writeFile(text);
      await handle.chmod(mode);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(draft, target);
  } catch (fault) {
    await rm(draft, { force: true });
    throw fault;
  }
}

function signalProcess(pid: number, name: NodeJS.Signals | 0): boolean {
  // 0 and -1 would mean this program's own group and all processes.
  if (!Number.isSafeInteger(pid) || pid < 1) return false;
  try {
    return process.kill(pid, name);
  } catch (fault) {
    // The process exists and belongs to another account.
    return toCode(fault) === "EPERM";
  }
}

function run(command: string, options: RunOptions): Promise<RunOutcome> {
  const { args, env, cwd, input, withinMs, outputBytesMax } = options;
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env, ...(cwd === undefined ? {} : { cwd }) });
    const stdout = collect(child.stdout, outputBytesMax);
    const stderr = collect(child.stderr, outputBytesMax);
    let ended: { readonly code: number | null } | undefined;
    const settle = (isLate: boolean) => {
      clearTimeout(timer);
      resolve({ code: ended?.code ?? null, stdout: stdout(), stderr: stderr(), isLate });
    };
    const timer = setTimeout(() => {
      settle(ended === undefined);
      child.kill("SIGKILL");
      // A program that goes on in the background may hold the outputs of the one that started it.
      child.stdout.destroy();
      child.stderr.destroy();
    }, withinMs);
    child.once("error", (fault) => {
      clearTimeout(timer);
      reject(fault);
    });
    child.once("exit", (code) => ended = { code });
    child.once("close", () => settle(false));
    // A program that reads no input may close it first.
    child.stdin.on("error", () => {});
    child.stdin.end(input ?? "");
  });
}

function collect(stream: Readable, bytesMax: number): () => string {
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  stream.on("data", (chunk: Uint8Array) => {
    const kept = chunk.subarray(0, Math.max(0, bytesMax - bytes));
    bytes += kept.byteLength;
    text += decoder.decode(kept, { stream: true });
  });
  return () => text + decoder.decode();
}

function detach(command: string, { args, env, cwd, outputPath }: DetachOptions): number {
  const output = openSync(outputPath, "a", privateMode);
  try {
    const child = spawn(command, args, {
      cwd,
      env,
      detached: true,
      stdio: ["ignore", output, output],
    });
    child.once("error", () => {});
    child.unref();
    if (child.pid !== undefined) return child.pid;
    throw Object.assign(new Error(`Cannot start "${command}"`), { code: "ENOENT" });
  } finally {
    closeSync(output);
  }
}
