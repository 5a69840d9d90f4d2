/**
 * Whether a server is the same in two readings of `mcp.json`, so that a reload restarts only what
 * changed. Servers are compared by their whole data, the child's environment included; the order of
 * keys is no change.
 */
import type { ServerConfig } from "./config.ts";

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
