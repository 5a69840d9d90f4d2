/**
 * Whether a server or a profile is the same in two readings of `mcp.json`, so that a reload restarts
 * only changed servers. The comparison covers all data, including the child's environment; the order
 * of keys does not matter.
 */
import type { ProfileConfig, ServerConfig } from "./config.ts";

/** Whether a server is unchanged. */
export function sameServer(one: ServerConfig, other: ServerConfig): boolean {
  return isEqual(one, other);
}

/** Whether a profile is unchanged; its servers are offered in their order. */
export function sameProfile(one: ProfileConfig, other: ProfileConfig): boolean {
  return isEqual(one, other);
}

/** Deep equality of plain data; an absent key equals an undefined one. */
function isEqual(left: unknown, right: unknown): boolean {
  if (Object.is(left, right)) return true;
  if (typeof left !== "object" || typeof right !== "object") return false;
  if (left === null || right === null || Array.isArray(left) !== Array.isArray(right)) return false;
  const ofLeft = new Map(Object.entries(left));
  const ofRight = new Map(Object.entries(right));
  return [...new Set([...ofLeft.keys(), ...ofRight.keys()])]
    .every((key) => isEqual(ofLeft.get(key), ofRight.get(key)));
}
