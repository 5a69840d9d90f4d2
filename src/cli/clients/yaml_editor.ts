/**
 * Adds servers to YAML as text at the place of a node: a new entry becomes the first of its list,
 * or the list itself comes to the end of the file. The library only tells the places.
 */
import { isMap, isScalar, type Pair, parseDocument, type YAMLMap } from "yaml";
import { isJsonObject } from "../../json.ts";
import type { ServerEditor, ServerEntry } from "./server_editor.ts";
import { insertAt, layoutOf } from "../text_layout.ts";

/** The editor. */
export const yamlEditor: ServerEditor = {
  add(text, server) {
    const { lineEnd, unit } = yamlLayout(text);
    const root = rootOf(text);
    const { listKey, name, entry } = server;
    if (root === "none" || (root !== undefined && pairOf(root, listKey) === undefined)) {
      if (root !== "none" && root.flow === true) return undefined;
      const block = toLines({ [listKey]: { [name]: entry } }, "", unit);
      const gap = text === "" || text.endsWith("\n") ? "" : lineEnd;
      return `${text}${gap}${block.join(lineEnd)}${lineEnd}`;
    }
    return root === undefined ? undefined : addToList(text, root, server);
  },
  replace(text, { listKey, name, entry }) {
    const root = rootOf(text);
    if (root === undefined || root === "none") return undefined;
    const list = pairOf(root, listKey)?.value;
    const pair = isMap(list) ? pairOf(list, name) : undefined;
    const range = rangeOf(pair?.value);
    const start = rangeOf(pair?.key)?.[0];
    if (range === undefined || start === undefined || !isMap(list)) return undefined;
    const end = range[0] + text.slice(range[0], range[1]).trimEnd().length;
    const { lineEnd, unit } = yamlLayout(text);
    const indent = " ".repeat(columnOf(text, start));
    const block = list.flow === true
      ? `${toText(name)}: ${JSON.stringify(entry)}`
      : toLines({ [name]: entry }, indent, unit).join(lineEnd).trimStart();
    return text.slice(0, start) + block + text.slice(end);
  },
};

function addToList(text: string, root: YAMLMap, server: ServerEntry): string | undefined {
  const { listKey, name, entry } = server;
  const { lineEnd, unit } = yamlLayout(text);
  const pair = pairOf(root, listKey);
  const list = pair?.value;
  const keyStart = rangeOf(pair?.key)?.[0];
  if (keyStart === undefined) return undefined;
  if (isMap(list)) {
    const first = rangeOf(list.items[0]?.key)?.[0];
    if (list.flow === true) {
      const open = rangeOf(list)?.[0];
      if (open === undefined) return undefined;
      const member = `${toText(name)}: ${JSON.stringify(entry)}`;
      return insertAt(text, open + 1, first === undefined ? member : `${member}, `);
    }
    if (first === undefined) return undefined;
    const indent = " ".repeat(columnOf(text, first));
    const block = toLines({ [name]: entry }, indent, unit).join(lineEnd).trimStart();
    return insertAt(text, first, `${block}${lineEnd}${indent}`);
  }
  // `extensions:` without a value.
  if (!isScalar(list) || list.value !== null || rangeOf(list) === undefined) return undefined;
  const indent = " ".repeat(columnOf(text, keyStart)) + unit;
  const lineBreak = text.indexOf("\n", keyStart);
  const end = lineBreak < 0
    ? text.length
    : text[lineBreak - 1] === "\r"
    ? lineBreak - 1
    : lineBreak;
  return insertAt(text, end, lineEnd + toLines({ [name]: entry }, indent, unit).join(lineEnd));
}

/** The map at the top; "none" for an empty file, undefined for anything else. */
function rootOf(text: string): YAMLMap | "none" | undefined {
  const document = parseDocument(text);
  if (document.errors.length > 0) return undefined;
  if (document.contents === null) return "none";
  return isMap(document.contents) ? document.contents : undefined;
}

function pairOf(map: YAMLMap, key: string): Pair | undefined {
  return map.items.find((pair) => isScalar(pair.key) && pair.key.value === key);
}

/** Where a node begins and ends; undefined for a node that has no place. */
function rangeOf(node: unknown): readonly [number, number, number] | undefined {
  if (typeof node !== "object" || node === null || !("range" in node)) return undefined;
  const { range } = node;
  if (!Array.isArray(range)) return undefined;
  const [start, end, rest] = range;
  return typeof start === "number" && typeof end === "number" && typeof rest === "number"
    ? [start, end, rest]
    : undefined;
}

function columnOf(text: string, offset: number): number {
  return offset - (text.lastIndexOf("\n", offset - 1) + 1);
}

/** YAML indents by spaces alone. */
function yamlLayout(text: string) {
  const { lineEnd, unit } = layoutOf(text);
  return { lineEnd, unit: unit.startsWith("\t") ? "  " : unit } as const;
}

/** The lines of a map; lists and empty maps stay on their line. */
function toLines(value: object, indent: string, unit: string): string[] {
  return Object.entries(value).flatMap(([key, inner]: [string, unknown]) => {
    const start = `${indent}${toText(key)}:`;
    if (isJsonObject(inner) && Object.keys(inner).length > 0) {
      return [start, ...toLines(inner, indent + unit, unit)];
    }
    return [`${start} ${typeof inner === "string" ? toText(inner) : JSON.stringify(inner)}`];
  });
}

/** Words that YAML reads as something else than text. */
const reserved = /^(?:true|false|null|yes|no|on|off|y|n)$/i;

/** A plain word as it is, and other texts in quotes. */
function toText(text: string): string {
  return /^[A-Za-z][\w-]*$/.test(text) && !reserved.test(text) ? text : JSON.stringify(text);
}
