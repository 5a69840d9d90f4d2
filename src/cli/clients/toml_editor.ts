/**
 * Adds servers to TOML as tables `[list.name]` at the end of the file, and replaces such a table by
 * its lines. A list that is an inline table, or an entry inside one, allows neither.
 */
import { isJsonObject } from "../../json.ts";
import type { ServerEditor, ServerEntry, ServerObject } from "./server_editor.ts";
import { layoutOf } from "../text_layout.ts";

/** The editor. */
export const tomlEditor: ServerEditor = {
  add(text, server) {
    const { lineEnd } = layoutOf(text);
    const table = toTable(server).join(lineEnd) + lineEnd;
    if (text === "") return table;
    return text + (text.endsWith("\n") ? "" : lineEnd) + lineEnd + table;
  },
  replace(text, server) {
    const { lineEnd } = layoutOf(text);
    const lines = text.split("\n");
    const headers = headersOf(lines);
    const own = headers.findIndex(({ keys }) => isTableOf(keys, server) && keys.length === 2);
    const start = headers[own]?.line;
    if (start === undefined) return undefined;
    const next = headers.slice(own + 1).find(({ keys }) => !isTableOf(keys, server));
    let end = next?.line ?? lines.length;
    // Comments and empty lines before the next table belong to that one.
    while (end > start && /^\s*(?:#.*)?$/.test(lines[end - 1] ?? "")) end -= 1;
    const head = lines.slice(0, start).map((line) => `${line}\n`).join("");
    const isLast = end === lines.length;
    const table = toTable(server).join(lineEnd) + (isLast ? "" : lineEnd);
    return head + table + lines.slice(end).join("\n");
  },
};

/** The lines of an entry, with its objects as inline tables. */
function toTable({ listKey, name, entry }: ServerEntry): string[] {
  return [
    `[${toKey(listKey)}.${toKey(name)}]`,
    ...Object.entries(entry).map(([key, value]) => `${toKey(key)} = ${toValue(value)}`),
  ];
}

function toKey(key: string): string {
  return /^[A-Za-z0-9_-]+$/.test(key) ? key : toText(key);
}

function toValue(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(toValue).join(", ")}]`;
  if (isJsonObject(value)) return toInline(value);
  return typeof value === "string" ? toText(value) : JSON.stringify(value);
}

function toInline(value: ServerObject): string {
  const pairs = Object.entries(value).map(([key, inner]) => `${toKey(key)} = ${toValue(inner)}`);
  return pairs.length === 0 ? "{}" : `{ ${pairs.join(", ")} }`;
}

/** A JSON string is a TOML string, but for one control character. */
function toText(text: string): string {
  return JSON.stringify(text).replaceAll("\u007f", "\\u007f");
}

/** A line such as `[a.b]`, and the keys in it. */
interface TomlHeader {
  readonly line: number;
  readonly keys: readonly string[];
}

/** The headers of a file; lines inside texts of several lines are none. */
function headersOf(lines: readonly string[]): TomlHeader[] {
  const headers: TomlHeader[] = [];
  let open: string | undefined;
  for (const [line, text] of lines.entries()) {
    const header = /^\s*\[([^[\]]+)\]\s*(?:#.*)?$/.exec(text)?.[1];
    if (open === undefined && header !== undefined) {
      headers.push({ line, keys: toKeys(header) });
      continue;
    }
    if (open === undefined && /^\s*\[\[/.test(text)) headers.push({ line, keys: [] });
    // Each fence of three quotes opens or closes such a text.
    for (const [fence] of text.matchAll(/"""|'''/g)) {
      if (open === undefined) open = fence;
      else if (open === fence) open = undefined;
    }
  }
  return headers;
}

function toKeys(header: string): string[] {
  return [...header.matchAll(/"((?:[^"\\]|\\.)*)"|'([^']*)'|([A-Za-z0-9_-]+)/g)].map((
    [, basic, literal, bare = ""],
  ) => basic ?? literal ?? bare);
}

function isTableOf(keys: readonly string[], { listKey, name }: ServerEntry): boolean {
  return keys[0] === listKey && keys[1] === name;
}
