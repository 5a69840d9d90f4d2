/**
 * Changes one member of a JSON text with comments, and keeps every other byte: comments, the order
 * of keys, line ends and indentation. A new member becomes the first of its object, after the
 * comment that stands behind the brace: so no comma, comment or line of the others moves. A text
 * that cannot be read, or in which more than that member would change, is refused. Not here: which
 * files these are.
 */
import {
  applyEdits,
  createScanner,
  type Edit,
  findNodeAtLocation,
  type Node,
  parseTree,
} from "jsonc-parser";
import { parseJsonc } from "../config/jsonc.ts";
import { isJsonObject } from "../json.ts";
import { isSameData } from "./same_data.ts";
import { indentAt, layoutOf } from "./text_layout.ts";

/** The keys that lead to a member, outermost first. */
export type MemberPath = readonly [string, ...string[]];

/** A text, for error messages by the name of its file. */
export interface EditedText {
  readonly text: string;
  readonly file: string;
}

/** Kinds of tokens: the library's enum exists for its own compiler alone. */
const comma = 5;
const lineComment = 12;
const blockComment = 13;
const space = 15;

/**
 * The text with a member added or replaced; objects on the way to it are made. Throws a ConfigError
 * for a text that cannot be read, and an Error if the change is not safe.
 */
export function setMember(edited: EditedText, path: MemberPath, value: unknown): string {
  return changed(edited, path, value, (text) => changeMember(text, path, value));
}

/** The text without a member, whose own line goes with it; the same text if it has no such member. */
export function removeMember(edited: EditedText, path: MemberPath): string {
  return changed(edited, path, undefined, (text) => {
    const member = nodeAt(text, path)?.parent;
    return member === undefined ? text : applyEdits(text, cutsOf(text, member));
  });
}

/**
 * The text with a member added or replaced, by one insertion or replacement; undefined where the
 * text has no place for it. The text can be read, and has no byte order mark; nothing is checked.
 */
export function changeMember(text: string, path: MemberPath, value: unknown): string | undefined {
  const known = nodeAt(text, path);
  if (known !== undefined) {
    const { offset, length, parent } = known;
    const isInline = parent?.parent === undefined || !hasLines(text, parent.parent);
    // An object that was written without spaces stays so.
    const content = isInline && /^[{[]\S/.test(text.slice(offset))
      ? JSON.stringify(value)
      : render(text, value, isInline ? undefined : indentAt(text, offset));
    return applyEdits(text, [{ offset, length, content }]);
  }
  for (let depth = path.length - 1; depth >= 0; depth -= 1) {
    const parent = nodeAt(text, path.slice(0, depth));
    if (parent === undefined) continue;
    const [key = "", ...inner] = path.slice(depth);
    return parent.type === "object"
      ? applyEdits(text, [insertionInto(text, parent, key, nest(inner, value))])
      : undefined;
  }
  if (text.trim() !== "") return undefined;
  return render(text, nest(path, value), "") + (text.includes("\n") ? text : `${text}\n`);
}

/** Makes a change, and refuses it if it is more than that of the member. */
function changed(
  { text, file }: EditedText,
  path: MemberPath,
  value: unknown,
  change: (body: string) => string | undefined,
): string {
  // A byte order mark in front belongs to the file, not to its JSON.
  const mark = text.startsWith("\uFEFF") ? "\uFEFF" : "";
  const body = text.slice(mark.length);
  const before = body.trim() === "" ? {} : parseJsonc(body, file).value;
  const next = change(body);
  if (next === body) return text;
  if (
    next === undefined ||
    !isSameData(parseJsonc(next, file).value, withMember(before, path, value))
  ) {
    throw new Error(
      `Cannot change ${path.join(".")} in ${file} safely; nothing was written: edit it by hand`,
    );
  }
  return mark + next;
}

function nodeAt(text: string, path: readonly string[]): Node | undefined {
  const root = parseTree(text, [], { allowTrailingComma: true });
  return root && findNodeAtLocation(root, [...path]);
}

/** A member at the start of an object, in the form that the object has. */
function insertionInto(text: string, object: Node, key: string, value: unknown): Edit {
  const inside = object.offset + 1;
  const end = object.offset + object.length - 1;
  const first = object.children?.[0];
  const around = object.parent?.parent;
  const isInline = first === undefined
    ? around !== undefined && !hasLines(text, around)
    : !text.slice(inside, first.offset).includes("\n");
  const name = JSON.stringify(key);
  if (isInline) {
    const content = ` ${name}: ${render(text, value)}${first === undefined ? " " : ","}`;
    return { offset: inside, length: 0, content };
  }
  const { lineEnd, unit } = layoutOf(text);
  const outer = indentAt(text, object.offset);
  const indent = first === undefined ? outer + unit : indentAt(text, first.offset);
  const offset = afterComments(text, inside);
  const close = first !== undefined
    ? ","
    : text.slice(offset, end).includes("\n")
    ? ""
    : lineEnd + outer;
  const content = `${lineEnd}${indent}${name}: ${render(text, value, indent)}${close}`;
  return { offset, length: 0, content };
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

function hasLines(text: string, { offset, length }: Node): boolean {
  return text.slice(offset, offset + length).includes("\n");
}

/** A value as JSON: on one line, or with lines of its own from an indentation on. */
function render(text: string, value: unknown, indent?: string): string {
  if (indent === undefined) return toInline(value);
  const { lineEnd, unit } = layoutOf(text);
  return JSON.stringify(value, null, unit).replaceAll("\n", lineEnd + indent);
}

/** JSON on one line, with the usual spaces. */
function toInline(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(toInline).join(", ")}]`;
  if (!isJsonObject(value)) return JSON.stringify(value);
  const members = Object.entries(value).filter(([, member]) => member !== undefined)
    .map(([key, member]) => `${JSON.stringify(key)}: ${toInline(member)}`);
  return members.length === 0 ? "{}" : `{ ${members.join(", ")} }`;
}

/** The cuts that remove a member and the comma that is no longer needed. */
function cutsOf(text: string, member: Node): Edit[] {
  const members = member.parent?.children ?? [];
  const end = member.offset + member.length;
  const own = commaAfter(text, end);
  const previous = members[members.indexOf(member) - 1];
  const earlier = own === undefined && previous !== undefined
    ? commaAfter(text, previous.offset + previous.length)
    : undefined;
  // A comment between the member and its comma stays.
  const isBare = own !== undefined && text.slice(end, own).trim() === "";
  return [
    ...(earlier === undefined ? [] : [cut(earlier, earlier + 1)]),
    wholeLine(text, member.offset, isBare ? own + 1 : end),
    ...(own === undefined || isBare ? [] : [cut(own, own + 1)]),
  ];
}

/** Cuts the whole line if nothing else stands on it, else the part and the spaces after it. */
function wholeLine(text: string, from: number, to: number): Edit {
  const before = /(?:^|\n)([ \t]*)$/.exec(text.slice(0, from))?.[1];
  const after = /^[ \t]*(?:\r?\n|$)/.exec(text.slice(to))?.[0];
  if (before !== undefined && after !== undefined) {
    return cut(from - before.length, to + after.length);
  }
  const spaces = /^[ \t]*/.exec(text.slice(to))?.[0] ?? "";
  return cut(from, to + spaces.length);
}

function cut(from: number, to: number): Edit {
  return { offset: from, length: to - from, content: "" };
}

/** Where the comma after a value is; undefined if the object ends first. */
function commaAfter(text: string, end: number): number | undefined {
  const scanner = createScanner(text, true);
  scanner.setPosition(end);
  const kind: number = scanner.scan();
  return kind === comma ? scanner.getTokenOffset() : undefined;
}

function nest(path: readonly string[], value: unknown): unknown {
  return path.reduceRight<unknown>((inner, key) => ({ [key]: inner }), value);
}

/** The data with a member in its place; `undefined` removes it. */
function withMember(data: unknown, path: readonly string[], value: unknown): unknown {
  const [key, ...inner] = path;
  if (key === undefined) return value;
  const object = isJsonObject(data) ? data : {};
  const member = Object.hasOwn(object, key) ? object[key] : undefined;
  return { ...object, [key]: withMember(member, inner, value) };
}
