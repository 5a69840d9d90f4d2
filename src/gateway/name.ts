/**
 * The names under which a surface offers tools and prompts. A prefixed name is `server__own` within
 * the 64 characters `[A-Za-z0-9_-]` that every client and model API accepts; what does not fit is
 * cut and gets a short hash. A name is resolved by looking it up in a table, never by splitting it.
 * What the filter hides is in no table, and so neither in lists nor for calls.
 */
import { type ServerConfig, type ToolFilter, toSafePrefix } from "../config/config.ts";
import { isOffered } from "../config/tool_filter.ts";
import type { JsonObject } from "../model.ts";
import { isWithheld, type Server } from "./server.ts";

/** Longest name that all clients accept. */
const nameCharsMax = 64;
/** `_` and eight hexadecimal digits. */
const hashChars = 9;

/** An item that a surface offers. */
export interface NamedItem {
  /** Its server's own name for it. */
  readonly own: string;
  /** As its server lists it. */
  readonly item: JsonObject;
}

/** Both directions between a server's own names and the offered ones. */
export interface NameTable {
  find(offered: string): NamedItem | undefined;
  toOwn(offered: string): string | undefined;
  toOffered(own: string): string | undefined;
}

/**
 * A configured server name as the start of tool names. It holds no `__` itself, so that two
 * servers' names can only meet when their prefixes are the same, which the configuration refuses.
 */
export function namePrefix(server: string): string {
  return `${toSafePrefix(server)}__`;
}

/**
 * The text that all names of this server start with on a surface that prefixes names. A match does
 * not mean that the server has the name, only that its table must be searched.
 */
export function nameStart(config: Pick<ServerConfig, "name">): string {
  let start = starts.get(config);
  if (start === undefined) {
    start = namePrefix(config.name).slice(0, nameCharsMax - hashChars);
    starts.set(config, start);
  }
  return start;
}

/** Kept because each call on a surface of several servers needs the start for each server. */
const starts = new WeakMap<Pick<ServerConfig, "name">, string>();

const everything: ToolFilter = {};
const nothing: ToolFilter = { allow: [] };

/** What a surface offers of a server's tools or prompts: the same object each time. */
export function filterOf(server: Server, kind: "tools" | "prompts"): ToolFilter {
  if (kind === "tools") return server.config.tools;
  return isWithheld(server, kind) ? nothing : everything;
}

/** A table, and the filter and server that it was made with. */
interface KnownTable {
  readonly filter: ToolFilter;
  readonly server: string | undefined;
  readonly table: NameTable;
}

/** The tables kept for one list: usually two, with and without prefix, for each filter. */
const tablesMax = 16;

/**
 * Makes the tables and keeps them for as long as their lists live. Two surfaces may offer one list
 * through two filters.
 */
export function createNameTables(): typeof createNameTable {
  const byItems = new WeakMap<readonly JsonObject[], KnownTable[]>();
  return (items, filter, server) => {
    const known = byItems.get(items);
    if (known !== undefined) {
      // A list has few tables, so every call is spared a map for each filter and server.
      for (const one of known) {
        if (one.filter === filter && one.server === server) return one.table;
      }
    }
    const table = createNameTable(items, filter, server);
    byItems.set(items, [{ filter, server, table }, ...(known ?? [])].slice(0, tablesMax));
    return table;
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
  const byOffered = new Map<string, NamedItem>();
  const byOwn = new Map<string, string>();
  const renames = new Map(Object.entries(filter.rename ?? {}));
  for (const item of items) {
    const own = item["name"];
    if (typeof own !== "string" || byOwn.has(own) || !isOffered(filter, own)) continue;
    const named = renames.get(own) ?? own;
    const full = server === undefined ? named : `${namePrefix(server)}${toSafe(named)}`;
    const offered = server === undefined
      ? unique(named, own, byOffered)
      : unique(toFitting(full), `${server}\n${own}`, byOffered);
    byOffered.set(offered, { own, item });
    byOwn.set(own, offered);
  }
  return {
    find: (offered) => byOffered.get(offered),
    toOwn: (offered) => byOffered.get(offered)?.own,
    toOffered: (own) => byOwn.get(own),
  };
}

function unique(name: string, identity: string, taken: ReadonlyMap<string, unknown>): string {
  let offered = name;
  for (let round = 0; taken.has(offered); round += 1) {
    offered = cut(name, nameCharsMax, `${identity}\n${round}`);
  }
  return offered;
}

/** A name cut to what every client accepts. */
export function toFitting(name: string): string {
  return name.length <= nameCharsMax ? name : cut(name, nameCharsMax, name);
}

/** A name cut to `nameCharsMax` characters, which no other one has. */
export function shortName(name: string, nameCharsMax: number, taken: ReadonlySet<unknown>): string {
  let short = cut(name, nameCharsMax, name);
  for (let round = 0; taken.has(short); round += 1) {
    short = cut(name, nameCharsMax, `${name}\n${round}`);
  }
  return short;
}

/** Whether a name can be a cut one. */
export function hasHash(name: string): boolean {
  return /_[0-9a-f]{8}$/.test(name);
}

function cut(name: string, nameCharsMax: number, identity: string): string {
  return `${name.slice(0, nameCharsMax - hashChars)}_${hash(identity)}`;
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
