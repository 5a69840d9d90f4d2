/**
 * The file half of a runtime: log files, texts, renames and watching, by `node:fs`, which all
 * runtimes share. The differences are in `bun.ts`, `deno.ts` and `node.ts`. Only the owner may read the
 * files that are written here.
 */
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  watch as watchFolder,
  writeFileSync,
} from "node:fs";
import { type FileHandle, mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { defaultLimits } from "../limits.ts";
import { decodeFile } from "./file_text.ts";
import type { LogFile, Runtime, WatchLimits } from "./runtime.ts";

const fileMode = 0o600;
const folderMode = 0o700;

/** The members of a runtime that are the same everywhere. */
export const files: Pick<
  Runtime,
  | "exists"
  | "bytesOf"
  | "fileId"
  | "openLog"
  | "readText"
  | "writeText"
  | "createText"
  | "rename"
  | "remove"
  | "watch"
> = {
  exists: existsSync,
  bytesOf,
  fileId,
  openLog,
  readText,
  writeText,
  createText,
  rename: renameFile,
  remove: (path) => rmSync(path, { force: true }),
  watch,
};

/** Makes an empty private file, so that the files which SQLite adds are private too. */
export function preparePrivateFile(path: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: folderMode });
  closeSync(openSync(path, "a", fileMode));
  chmodSync(path, fileMode);
}

function bytesOf(path: string): number | undefined {
  try {
    return statSync(path).size;
  } catch {
    return undefined;
  }
}

function fileId(path: string): string | undefined {
  try {
    // Inodes may be larger than a number can tell apart.
    const { dev, ino } = statSync(path, { bigint: true });
    return `${dev} ${ino}`;
  } catch {
    return undefined;
  }
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return decodeFile(await readFile(path));
  } catch (fault) {
    if (toCode(fault) === "ENOENT" || toCode(fault) === "ENOTDIR") return undefined;
    throw fault;
  }
}

async function writeText(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: folderMode });
  const draft = `${path}.${crypto.randomUUID()}.tmp`;
  try {
    const handle = await open(draft, "wx", fileMode);
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(draft, path);
  } catch (fault) {
    await rm(draft, { force: true });
    throw fault;
  }
}

function createText(path: string, text: string): boolean {
  mkdirSync(dirname(path), { recursive: true, mode: folderMode });
  let file: number;
  try {
    file = openSync(path, "wx", fileMode);
  } catch (fault) {
    if (toCode(fault) === "EEXIST") return false;
    throw fault;
  }
  try {
    writeFileSync(file, text);
    return true;
  } catch (fault) {
    rmSync(path, { force: true });
    throw fault;
  } finally {
    closeSync(file);
  }
}

function renameFile(from: string, to: string): boolean {
  try {
    renameSync(from, to);
    return true;
  } catch (fault) {
    if (toCode(fault) === "ENOENT") return false;
    throw fault;
  }
}

/**
 * Two triggers, one check: events of the folder are fast, polling is reliable (network drives,
 * links into other folders, folders created later). Only a changed inode, time or size counts.
 */
function watch(
  path: string,
  onChange: () => void,
  { watchSettleMs, watchPollMs }: WatchLimits = defaultLimits,
): { close(): void } {
  let seen = toFingerprint(path);
  let settling: ReturnType<typeof setTimeout> | undefined;
  const look = () => {
    if (settling !== undefined || toFingerprint(path) === seen) return;
    settling = setTimeout(() => {
      settling = undefined;
      seen = toFingerprint(path);
      onChange();
    }, watchSettleMs);
  };
  let events: { close(): void } | undefined;
  try {
    const name = basename(path);
    const watcher = watchFolder(dirname(path), { persistent: false }, (_event, changed) => {
      if (changed === null || changed === name) look();
    });
    watcher.on("error", () => watcher.close());
    events = watcher;
  } catch {
    // Polling alone is enough.
  }
  const poll = setInterval(look, watchPollMs);
  return {
    close() {
      events?.close();
      clearInterval(poll);
      clearTimeout(settling);
    },
  };
}

function toFingerprint(path: string): string {
  try {
    const { ino, mtimeMs, size } = statSync(path);
    return `${ino} ${mtimeMs} ${size}`;
  } catch {
    return "";
  }
}

function openLog(path: string, bounds: { bytesMax: number; filesMax: number }): LogFile {
  let handle: FileHandle | undefined;
  let bytes = 0;
  /** The file ends within a line: its writer was killed, or the disk took a part of a text. */
  let isTorn = false;
  let last: Promise<boolean> = Promise.resolve(true);

  const reopen = async () => {
    await mkdir(dirname(path), { recursive: true, mode: folderMode });
    handle = await open(path, "a+", fileMode);
    bytes = (await handle.stat()).size;
    isTorn = bytes > 0 && !(await endsLine(handle, bytes));
  };
  const shut = async () => {
    const old = handle;
    handle = undefined;
    await old?.close();
  };
  const write = async (text: string) => {
    if (handle === undefined) await reopen();
    const data = new TextEncoder().encode(`${isTorn ? "\n" : ""}${text}\n`);
    if (bytes > 0 && bytes + data.length > bounds.bytesMax) {
      await shut();
      rotate(path, bounds.filesMax);
      await reopen();
    }
    try {
      await handle?.writeFile(data);
    } catch (fault) {
      // What the disk took of it is neither a line nor lost.
      await handle?.truncate(bytes).catch(() => {});
      throw fault;
    }
    isTorn = false;
    bytes += data.length;
  };
  // One write at a time. If the disk fails, the text is lost, and the next one opens the file again.
  const attempt = async (work: () => Promise<void>): Promise<boolean> => {
    try {
      await work();
      return true;
    } catch {
      await shut().catch(() => {});
      return false;
    }
  };
  const enqueue = (work: () => Promise<void>) => (last = last.then(() => attempt(work)));
  return {
    append: (text) => enqueue(() => write(text)),
    close: () => enqueue(shut).then(() => {}),
  };
}

async function endsLine(handle: FileHandle, bytes: number): Promise<boolean> {
  const end = new Uint8Array(1);
  await handle.read(end, 0, 1, bytes - 1);
  return end[0] === "\n".charCodeAt(0);
}

function rotate(path: string, filesMax: number): void {
  if (filesMax < 1) return rmSync(path, { force: true });
  for (let index = filesMax - 1; index >= 1; index -= 1) {
    if (existsSync(`${path}.${index}`)) renameSync(`${path}.${index}`, `${path}.${index + 1}`);
  }
  renameSync(path, `${path}.1`);
}

/** The system's code of a fault, such as `ENOENT`. */
export function toCode(fault: unknown): string | undefined {
  if (!(fault instanceof Error) || !("code" in fault)) return undefined;
  return typeof fault.code === "string" ? fault.code : undefined;
}
