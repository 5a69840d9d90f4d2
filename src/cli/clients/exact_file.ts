/**
 * Changes files of other programs, and our own, without a loss: a file is read to its last byte,
 * replaced by a rename with its mode and symbolic link kept, and a private copy of the old one stays
 * beside it.
 */
import { ConfigError } from "../../config/config_error.ts";
import type { System } from "../../runtime/system.ts";
import { CommandError } from "../command_error.ts";
import { parentOf } from "./client_places.ts";

const privateMode = 0o600;
const privateFolderMode = 0o700;

/** A changed file, and the copy of what it was; no copy if it did not exist. */
export interface WrittenFile {
  readonly path: string;
  readonly backup?: string;
}

/**
 * The text of a file with its byte order mark; undefined if there is none. Throws a ConfigError if
 * it is no UTF-8, since it could not be written back as it is.
 */
export async function readExactly(system: System, path: string): Promise<string | undefined> {
  const bytes = await system.readBytes(path).catch((fault: unknown) => {
    throw new ConfigError([`Cannot read ${path}: ${reasonOf(fault)}`], fault);
  });
  if (bytes === undefined) return undefined;
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (fault) {
    throw new ConfigError([`Cannot use ${path}: expected UTF-8; save the file as UTF-8`], fault);
  }
}

/**
 * Replaces a file whose text was `before` (undefined: there was none). Refuses if another program
 * has changed it meanwhile. A file keeps its mode unless another one is given; a new one is private.
 */
export async function replaceExactly(
  system: System,
  path: string,
  before: string | undefined,
  after: string,
  now: Date,
  mode?: number,
): Promise<WrittenFile> {
  try {
    if (await readExactly(system, path) !== before) {
      throw new CommandError(
        "failed",
        `Cannot write ${path}: another program has just changed it; run the command again`,
      );
    }
    if (before === undefined) {
      system.makeFolder(parentOf(path), privateFolderMode);
      await system.replaceFile(path, after, privateMode);
      return { path };
    }
    const backup = await copyBeside(system, path, before, now);
    await system.replaceFile(path, after, mode ?? system.describe(path)?.mode ?? privateMode);
    return { path, backup };
  } catch (fault) {
    if (fault instanceof CommandError || fault instanceof ConfigError) throw fault;
    throw new CommandError("failed", `Cannot write ${path}: ${reasonOf(fault)}`, { cause: fault });
  }
}

/** Keeps a text of a file beside it, for its owner alone; returns the path of the copy. */
export async function copyBeside(
  system: System,
  path: string,
  text: string,
  now: Date,
): Promise<string> {
  const backup = `${path}.${stampOf(now)}.bak`;
  await system.replaceFile(backup, text, privateMode);
  return backup;
}

/** A time as part of a file's name. */
function stampOf(now: Date): string {
  return now.toISOString().replace(/[:.]/g, "-");
}

function reasonOf(fault: unknown): string {
  return fault instanceof Error ? fault.message : String(fault);
}
