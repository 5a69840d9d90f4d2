/**
 * The names under which a surface offers tools and prompts. A prefixed name is `server__own` within
 * the 64 characters `[A-Za-z0-9_-]` that every client and model API accepts; what does not fit is
 * cut and gets a short hash. A name is resolved by looking it up in a table, never by splitting it.
 * What the filter hides is in no table, and so neither in lists nor for calls.
 */
import { type ToolFilter, toSafePrefix } from "../config/config.ts";
import { isOffered } from "../config/tool_filter.ts";
import type { JsonObject } from "../model.ts";

/** Longest name that all clients accept. */
const nameCharsMax = 64;
/** `_` and eight hexadecimal digits. */
const hashChars = 9;

/** Both directions between a server's own names and the offered ones. */
export interface NameTable {
  toOwn(offered: string): string | undefined;
  toOffered(own: string): string | undefined;
  /** The item of that own name, as its server lists it. */
  item(own: string): JsonObject | undefined;
}

/**
 * A configured server name as the start of tool names. It holds no `__` itself, so that two
 * servers' names can only meet when their prefixes are the same, which the configuration refuses.
 */
export function namePrefix(server: string): string {
  return `${toSafePrefix(server)}__`;
}

/**
 * Whether `offered` can belong to this server: what decides is the table, this only spares
 * look-ups.
 */
export function mayBelong(server: string, offered: string): boolean {
  return offered.startsWith(namePrefix(server).slice(0, nameCharsMax - hashChars));
}

/** A filter that offers everything. */
export const noFilter: ToolFilter = {};

/**
 * Makes the tables and keeps them for as long as their lists live. Two surfaces may offer one list
 * through two filters.
 */
export function createNameTables(): typeof createNameTable {
  const byFilter = new WeakMap<
    ToolFilter,
    WeakMap<readonly JsonObject[], Map<string, NameTable>>
  >();
  return (items, filter, server) => {
    const byItems = byFilter.getOrInsertComputed(filter, () => new WeakMap());
    const byServer = byItems.getOrInsertComputed(items, () => new Map());
    return byServer.getOrInsertComputed(server ?? "", () => createNameTable(items, filter, server));
  };
}

/**
 * The table of one server's list. Without a `server` the names are the server's own, renamed ones
 * excepted. Items that the filter hides, or that have no name, are in neither direction.
 */
export function createNameTable(
  items: readonly JsonObject[],
  filter: ToolFilter,
  server?: string,
): NameTable {
  const byOffered = new Map<string, string>();
  const byOwn = new Map<string, string>();
  const byName = new Map<string, JsonObject>();
  const renames = new Map(Object.entries(filter.rename ?? {}));
  for (const item of items) {
    const own = item["name"];
    if (typeof own !== "string" || byOwn.has(own) || !isOffered(filter, own)) continue;
    const named = renames.get(own) ?? own;
    const full = server === undefined ? named : `${namePrefix(server)}${toSafe(named)}`;
    const offered = server === undefined
      ? unique(named, own, byOffered)
      : unique(toFitting(full), `${server}\n${own}`, byOffered);
    byOffered.set(offered, own);
    byOwn.set(own, offered);
    byName.set(own, item);
  }
  return {
    toOwn: (offered) => byOffered.get(offered),
    toOffered: (own) => byOwn.get(own),
    item: (own) => byName.get(own),
  };
}

function unique(name: string, identity: string, taken: ReadonlyMap<string, string>): string {
  let offered = name;
  for (let round = 0; taken.has(offered); round += 1) {
    offered = `${name.slice(0, nameCharsMax - hashChars)}_${hash(`${identity}\n${round}`)}`;
  }
  return offered;
}

function toFitting(name: string): string {
  if (name.length <= nameCharsMax) return name;
  return `${name.slice(0, nameCharsMax - hashChars)}_${hash(name)}`;
}

function toSafe(name: string): string {
  return name.replace(/[^A-Za-z0-9_-]/g, "_");
}

/** FNV-1a: short and stable; a collision only costs the later name another round. */
function hash(text: string): string {
  let value = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1) {
    value = Math.imul(value ^ text.charCodeAt(at), 0x01000193);
  }
  return (value >>> 0).toString(16).padStart(8, "0");
}
