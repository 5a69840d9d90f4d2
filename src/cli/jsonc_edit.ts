/**
 * Changes one member of a JSON text with comments, and keeps every other byte: comments, the order
 * of keys, line ends and indentation. A text that cannot be read, or could not be read afterwards,
 * is refused. Not here: which files these are.
 */
import {
  createScanner,
  findNodeAtLocation,
  type Node,
  type ParseError,
  parseTree,
  type SyntaxKind,
} from "jsonc-parser";
import { parseJsonc } from "../config/jsonc.ts";
import { isJsonObject } from "../json.ts";

/** The keys that lead to a member, outermost first. */
export type MemberPath = readonly [string, ...string[]];

/** A text, for error messages by the name of its file. */
export interface EditedText {
  readonly text: string;
  readonly file: string;
}

/**
 * The text with a member added or replaced; objects on the way to it are made. A new member is the
 * first of its object: the last one may be followed by a comment that belongs to it. Throws a
 * ConfigError for a text that cannot be read, and an Error if the change is not safe.
 */
export function setMember({ text, file }: EditedText, path: MemberPath, value: unknown): string {
  const { mark, body } = splitMark(text);
  if (body.trim() === "") return `${mark}${JSON.stringify(nest(path, value), null, 2)}\n`;
  parseJsonc(body, file);
  const next = changeMember(body, path, value);
  if (next === undefined || !isSame(valueAt(parseJsonc(next, file).value, path), value)) {
    throw unsafe(file, path);
  }
  return mark + next;
}

/** Replaces the member, or puts it into the innermost object on its path that there is. */
function changeMember(text: string, path: MemberPath, value: unknown): string | undefined {
  const root = parseTree(text, [], { allowTrailingComma: true });
  if (root === undefined) return undefined;
  const known = findNodeAtLocation(root, [...path]);
  if (known !== undefined) return replaceValue(text, known, value);
  for (let depth = path.length - 1; depth >= 0; depth -= 1) {
    const parent = depth === 0 ? root : findNodeAtLocation(root, path.slice(0, depth));
    if (parent === undefined) continue;
    const [key = "", ...inner] = path.slice(depth);
    return parent.type === "object"
      ? insertFirst(text, parent, key, nest(inner, value))
      : undefined;
  }
  return undefined;
}

function replaceValue(text: string, { offset, length, parent }: Node, value: unknown): string {
  const object = parent?.parent;
  const isInline = object === undefined || !hasLines(text, object);
  const content = render(text, value, indentAt(text, offset), isInline);
  return text.slice(0, offset) + content + text.slice(offset + length);
}

/** Puts a member at the start of an object, in the form that the object has. */
function insertFirst(text: string, object: Node, key: string, value: unknown): string {
  const { children = [], offset, length } = object;
  const start = offset + 1;
  const isEmpty = children.length === 0;
  // The object begins a line of its own, or will.
  const line = isEmpty && !hasLines(text, object)
    ? ""
    : /^[ \t]*(?:\/\/[^\r\n]*|\/\*[^\r\n]*?\*\/[ \t]*)?(?=\r?\n)/.exec(text.slice(start))?.[0];
  const comma = isEmpty ? "" : ",";
  if (line === undefined) {
    const content = ` ${JSON.stringify(key)}: ${render(text, value, "", true)}${comma}`;
    return text.slice(0, start) + content + text.slice(start);
  }
  const { eol, unit } = formOf(text);
  const outer = indentAt(text, offset);
  const indent = outer + unit;
  const content = `${eol}${indent}${JSON.stringify(key)}: ${
    render(text, value, indent, false)
  }${comma}`;
  const at = start + line.length;
  const isClosedAtOnce = isEmpty && line === "" &&
    text.slice(start, offset + length - 1).trim() === "" &&
    !hasLines(text, object);
  const rest = isClosedAtOnce ? eol + outer + text.slice(offset + length - 1) : text.slice(at);
  return text.slice(0, at) + content + rest;
}

function hasLines(text: string, { offset, length }: Node): boolean {
  return text.slice(offset, offset + length).includes("\n");
}

/** The spaces at the start of the line of a place. */
function indentAt(text: string, offset: number): string {
  return /(?:^|\n)([ \t]*)[^\n]*$/.exec(text.slice(0, offset))?.[1] ?? "";
}

/** A value as JSON: on one line, or with lines of its own from this indentation on. */
function render(text: string, value: unknown, indent: string, isInline: boolean): string {
  const { eol, unit } = formOf(text);
  return isInline
    ? toInline(value)
    : JSON.stringify(value, null, unit).replaceAll("\n", eol + indent);
}

/** JSON on one line, with the spaces that people write. */
function toInline(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(toInline).join(", ")}]`;
  if (!isJsonObject(value)) return JSON.stringify(value);
  const members = Object.entries(value).filter(([, member]) => member !== undefined)
    .map(([key, member]) => `${JSON.stringify(key)}: ${toInline(member)}`);
  return members.length === 0 ? "{}" : `{ ${members.join(", ")} }`;
}

/** How the text is written. */
function formOf(text: string) {
  const unit = /\n([ \t]+)\S/.exec(text)?.[1] ?? "  ";
  return { unit, eol: text.includes("\r\n") ? "\r\n" : "\n" };
}

/** The text without a member, whose own line goes with it; the same text if it has no such member. */
export function removeMember({ text, file }: EditedText, path: MemberPath): string {
  const { mark, body } = splitMark(text);
  parseJsonc(body, file);
  const errors: ParseError[] = [];
  const root = parseTree(body, errors, { allowTrailingComma: true });
  const member = root && findNodeAtLocation(root, [...path])?.parent;
  if (member?.parent === undefined) return text;
  const next = cutMember(body, member, member.parent.children ?? []);
  if (valueAt(parseJsonc(next, file).value, path) !== undefined) throw unsafe(file, path);
  return mark + next;
}

/** Cuts a member and the comma that it no longer needs. */
function cutMember(text: string, member: Node, members: readonly Node[]): string {
  const end = member.offset + member.length;
  const own = commaAfter(text, end);
  const previous = members[members.indexOf(member) - 1];
  const isLast = members.at(-1) === member;
  const earlier = isLast && own === undefined && previous !== undefined
    ? commaAfter(text, previous.offset + previous.length)
    : undefined;
  const cuts: [number, number][] = [];
  if (earlier !== undefined) cuts.push([earlier, earlier + 1]);
  // A comment between the member and its comma stays.
  const isBare = own !== undefined && text.slice(end, own).trim() === "";
  cuts.push([member.offset, isBare ? own + 1 : end]);
  if (own !== undefined && !isBare) cuts.push([own, own + 1]);
  let next = text;
  for (const [from, to] of cuts.toReversed()) {
    const isMember = from === member.offset;
    const [first, last] = isMember ? wholeLine(next, from, to) : [from, to];
    next = next.slice(0, first) + next.slice(last);
  }
  return next;
}

/** The whole line if nothing else stands on it, else the part with one of the spaces around it. */
function wholeLine(text: string, from: number, to: number): [number, number] {
  const before = /(?:^|\n)[ \t]*$/.exec(text.slice(0, from));
  const after = /^[ \t]*(?:\r?\n|$)/.exec(text.slice(to));
  if (before !== null && after !== null) {
    const start = from - before[0].length + (before[0].startsWith("\n") ? 1 : 0);
    return [start, to + after[0].length];
  }
  const space = /^[ \t]+/.exec(text.slice(to))?.[0].length ?? 0;
  return [from, to + space];
}

/** Where the comma after a value is; undefined if the object ends first. */
function commaAfter(text: string, end: number): number | undefined {
  const scanner = createScanner(text, true);
  scanner.setPosition(end);
  return scanner.scan() === commaToken ? scanner.getTokenOffset() : undefined;
}

/** The library's `SyntaxKind.CommaToken`, which isolated modules cannot name. */
const commaToken: SyntaxKind = 5;

/** A byte order mark in front belongs to the file, not to its JSON. */
function splitMark(text: string): { readonly mark: string; readonly body: string } {
  const mark = text.startsWith("\uFEFF") ? "\uFEFF" : "";
  return { mark, body: text.slice(mark.length) };
}

function nest(path: readonly string[], value: unknown): unknown {
  return path.reduceRight<unknown>((inner, key) => ({ [key]: inner }), value);
}

function valueAt(value: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (place, key) => isJsonObject(place) && Object.hasOwn(place, key) ? place[key] : undefined,
    value,
  );
}

/** Whether two values are the same JSON, whatever the order of their keys. */
function isSame(one: unknown, other: unknown): boolean {
  return JSON.stringify(sorted(one)) === JSON.stringify(sorted(other));
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isJsonObject(value)) return value;
  const pairs = Object.entries(value).filter(([, member]) => member !== undefined)
    .sort(([one], [other]) => one < other ? -1 : 1);
  return Object.fromEntries(pairs.map(([key, member]) => [key, sorted(member)]));
}

function unsafe(file: string, path: readonly string[]): Error {
  return new Error(
    `Cannot change ${path.join(".")} in ${file} safely; nothing was written: edit it by hand`,
  );
}
