/**
 * The process half of a runtime, by `node:process`, which Bun and Node share: signals to a group of
 * processes, signals to this program, and its environment. Deno has its own.
 */
import process from "node:process";
import type { SignalName } from "./runtime.ts";
import { endWindowsTree, isWindows } from "./system_command.ts";

/** Sends a signal to a process group; false if no such group exists. */
export function signalGroup(groupId: number, signal: "SIGTERM" | "SIGKILL"): boolean {
  if (isWindows) return endWindowsTree(groupId, signal);
  // 0 and -1 would mean the gateway's own group and all processes.
  if (!Number.isSafeInteger(groupId) || groupId <= 1) return false;
  try {
    return process.kill(-groupId, signal);
  } catch {
    return false;
  }
}

/** Calls back for each signal until the returned function is called. */
export function onSignal(handler: (signal: SignalName) => void): () => void {
  const names: SignalName[] = ["SIGINT", "SIGTERM", "SIGHUP"];
  const listeners = names.map((name) => [name, () => handler(name)] as const);
  for (const [name, listener] of listeners) process.on(name, listener);
  return () => {
    for (const [name, listener] of listeners) process.off(name, listener);
  };
}

/** The environment at the moment. */
export function readEnvironment(): Record<string, string> {
  const result: Record<string, string> = {};
  for (const [name, value] of Object.entries(process.env)) {
    if (value !== undefined) result[name] = value;
  }
  return result;
}
