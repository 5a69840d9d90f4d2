/** What is different for processes on Windows, in one place for all runtimes. */
import { spawn } from "node:child_process";
import { statSync } from "node:fs";
import process from "node:process";
import type { SpawnOptions } from "./runtime.ts";
import { type SystemCommand, toSystemProgram, toWindowsCommand } from "./windows_command.ts";

/** Whether this system is Windows. */
export const isWindows: boolean = process.platform === "win32";

/** The command that the system can start: that of the options, except on Windows. */
export function toSystemCommand(options: SpawnOptions): SystemCommand {
  const { command, args } = options;
  return isWindows ? toWindowsCommand({ ...options, isFile }) : { command, args, isRaw: false };
}

/**
 * Ends a process of Windows with all that it started; there are no groups and no SIGTERM, so a
 * program that should end by itself sees only the end of its stdin.
 */
export function endWindowsTree(pid: number, signal: "SIGTERM" | "SIGKILL"): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 1) return false;
  if (signal === "SIGTERM") return true;
  const program = toSystemProgram("taskkill.exe", { SystemRoot: process.env["SystemRoot"] ?? "" });
  const killer = spawn(program, ["/pid", String(pid), "/t", "/f"], { stdio: "ignore" });
  killer.once("error", () => {});
  killer.unref();
  return true;
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}
