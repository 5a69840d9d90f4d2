/**
 * Why Node could not start a program. `spawn` of Node reports that later, by an event, and the
 * gateway needs it at once: this looks for the program as the system does, in the folders of the
 * child's PATH.
 */
import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  openSync,
  readSync,
  statSync,
} from "node:fs";
import { delimiter, resolve, sep } from "node:path";
import type { SpawnOptions } from "./runtime.ts";

/** Where the system looks if there is no PATH. */
const usualPath = "/bin:/usr/bin";
/** Enough for the first line of a script, as far as the system reads it. */
const firstLineBytes = 256;

/** The system's code; `EAGAIN`, a passing lack of something, if the program could have started. */
export function spawnCodeOf({ command, env, cwd = "." }: SpawnOptions): string {
  if (!existsSync(cwd)) return "ENOENT";
  const places = command.includes(sep)
    ? [resolve(cwd, command)]
    : (env["PATH"] ?? usualPath).split(delimiter).map((folder) => resolve(cwd, folder, command));
  const found = places.filter((path) => existsSync(path));
  const programs = found.filter(isExecutable);
  if (programs.length === 0) return found.length === 0 ? "ENOENT" : "EACCES";
  return programs.some(hasInterpreter) ? "EAGAIN" : "ENOENT";
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** Whether the interpreter that a script names in its first line exists; programs need none. */
function hasInterpreter(path: string): boolean {
  try {
    const file = openSync(path, "r");
    try {
      const bytes = new Uint8Array(firstLineBytes);
      const length = readSync(file, bytes);
      const start = new TextDecoder().decode(bytes.subarray(0, length));
      const interpreter = /^#![ \t]*(\S+)/.exec(start)?.[1];
      return interpreter === undefined || existsSync(interpreter);
    } finally {
      closeSync(file);
    }
  } catch {
    return true;
  }
}
