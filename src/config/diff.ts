/**
 * What changed between two readings of `mcp.json`, so that a reload restarts only that. Servers are
 * compared by their whole data, the child's environment included; the order of keys and of servers
 * is no change.
 */
import type { ServerConfig } from "./config.ts";

/** Servers by what is to be done with them. */
export interface ServersDiff {
  readonly added: readonly ServerConfig[];
  /** As they were. */
  readonly removed: readonly ServerConfig[];
  /** As they are to be. */
  readonly changed: readonly ServerConfig[];
}

/** Compares two lists of servers by name. */
export function diffServers(
  previous: readonly ServerConfig[],
  next: readonly ServerConfig[],
): ServersDiff {
  const before = new Map(previous.map((server) => [server.name, server]));
  const after = new Set(next.map((server) => server.name));
  return {
    added: next.filter((server) => !before.has(server.name)),
    removed: previous.filter((server) => !after.has(server.name)),
    changed: next.filter((server) => {
      const old = before.get(server.name);
      return old !== undefined && !sameServer(old, server);
    }),
  };
}

/** Whether nothing about a server changed. */
export function sameServer(one: ServerConfig, other: ServerConfig): boolean {
  return isEqual(one, other);
}

/** Deep equality of plain data; a key that is absent equals one that is undefined. */
function isEqual(left: unknown, right: unknown): boolean {
  if (Object.is(left, right)) return true;
  if (typeof left !== "object" || typeof right !== "object") return false;
  if (left === null || right === null || Array.isArray(left) !== Array.isArray(right)) return false;
  const ofLeft = new Map(Object.entries(left));
  const ofRight = new Map(Object.entries(right));
  return [...new Set([...ofLeft.keys(), ...ofRight.keys()])]
    .every((key) => isEqual(ofLeft.get(key), ofRight.get(key)));
}
