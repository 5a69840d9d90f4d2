/**
 * Adds servers to JSON with comments. A new entry becomes the first of its object, after the
 * comment that stands behind the brace: so no comma, comment or line of the others moves.
 */
import { createScanner, findNodeAtLocation, type Node, parseTree } from "jsonc-parser";
import type { ServerEditor, ServerEntry } from "./server_editor.ts";
import { indentAt, insertAt, type Layout, layoutOf } from "./text_layout.ts";

/** Kinds of tokens: the library's enum exists for its own compiler alone. */
const lineComment = 12;
const blockComment = 13;
const space = 15;

/** The editor. */
export const jsoncEditor: ServerEditor = {
  add(text, server) {
    const { listKey, name, entry } = server;
    const root = parse(text);
    if (root === undefined) return text.trim() === "" ? newFile(server, text) : undefined;
    const list = findNodeAtLocation(root, [listKey]);
    if (list === undefined) return addMember(text, root, listKey, { [name]: entry });
    return list.type === "object" ? addMember(text, list, name, entry) : undefined;
  },
  replace(text, { listKey, name, entry }) {
    const root = parse(text);
    const node = root && findNodeAtLocation(root, [listKey, name]);
    if (node === undefined) return undefined;
    const { lineEnd, unit } = layoutOf(text);
    const json = isCompact(text)
      ? JSON.stringify(entry)
      : indented(entry, unit, indentAt(text, node.offset), lineEnd);
    return text.slice(0, node.offset) + json + text.slice(node.offset + node.length);
  },
};

function parse(text: string): Node | undefined {
  return parseTree(text, [], { allowTrailingComma: true });
}

function newFile({ listKey, name, entry }: ServerEntry, text: string): string {
  return `${JSON.stringify({ [listKey]: { [name]: entry } }, null, 2)}\n${text}`;
}

/** Adds a member at the start of an object. */
function addMember(text: string, object: Node, key: string, value: unknown): string {
  const layout = layoutOf(text);
  const inside = object.offset + 1;
  const first = object.children?.[0];
  if (first === undefined) return addFirst(text, object, key, value, layout);
  const between = text.slice(inside, first.offset);
  if (!between.includes("\n")) {
    const member = isCompact(text)
      ? `${JSON.stringify(key)}:${JSON.stringify(value)}`
      : memberText(key, value, layout, indentAt(text, object.offset));
    // `{ "a": 1 }`: the same space goes before the new member.
    const gap = /^\s*/.exec(between)?.[0] ?? "";
    return insertAt(text, inside, `${gap}${member},`);
  }
  const indent = indentAt(text, first.offset);
  const place = afterComments(text, inside);
  return insertAt(
    text,
    place,
    `${layout.lineEnd}${indent}${memberText(key, value, layout, indent)},`,
  );
}

/** Adds the only member of an object. */
function addFirst(
  text: string,
  object: Node,
  key: string,
  value: unknown,
  layout: Layout,
): string {
  const inside = object.offset + 1;
  if (isCompact(text) && object.length === 2) {
    return insertAt(text, inside, `${JSON.stringify(key)}:${JSON.stringify(value)}`);
  }
  const outer = indentAt(text, object.offset);
  const indent = outer + layout.unit;
  const place = afterComments(text, inside);
  const rest = text.slice(place, object.offset + object.length - 1);
  const close = rest.includes("\n") ? "" : layout.lineEnd + outer;
  return insertAt(
    text,
    place,
    `${layout.lineEnd}${indent}${memberText(key, value, layout, indent)}${close}`,
  );
}

/** The end of the comments on the line of a place; the place itself if there are none. */
function afterComments(text: string, offset: number): number {
  const scanner = createScanner(text, false);
  scanner.setPosition(offset);
  let end = offset;
  for (;;) {
    const kind: number = scanner.scan();
    if (kind === lineComment || kind === blockComment) {
      end = scanner.getTokenOffset() + scanner.getTokenLength();
    } else if (kind !== space) return end;
  }
}

/** Whether a file with data has one line only. */
function isCompact(text: string): boolean {
  return !text.trim().includes("\n") && /"/.test(text);
}

function memberText(key: string, value: unknown, { unit, lineEnd }: Layout, indent: string) {
  return `${JSON.stringify(key)}: ${indented(value, unit, indent, lineEnd)}`;
}

/** A value over several lines, whose first line stands where the value begins. */
function indented(value: unknown, unit: string, indent: string, lineEnd: string): string {
  return JSON.stringify(value, null, unit).replaceAll("\n", lineEnd + indent);
}
