/**
 * The list of servers in the text of a client's file: reads it, and adds or replaces one entry so
 * that every other character stays. Each format has an editor of its own, which is loaded when a
 * file needs it. Every change is checked: the new text must parse, and must differ from the old one
 * in that entry alone.
 */
import { ConfigError } from "../../config/config_error.ts";
import { parseText } from "../../config/json_text.ts";
import { isJsonObject } from "../../json.ts";
import { isSameData } from "../same_data.ts";
import type { ServerEditor, ServerEntry, ServerFormat, ServerObject } from "./server_editor.ts";

const byteOrderMark = "\uFEFF";

/** The data of a file's text. Throws a ConfigError that says where a fault is. */
export async function parseServers(
  text: string,
  format: ServerFormat,
  path: string,
): Promise<ServerObject> {
  const content = text.startsWith(byteOrderMark) ? text.slice(1) : text;
  if (content.trim() === "") return {};
  const value = format === "jsonc"
    ? (await parseText(content, path)).value
    : await parseOther(content, format, path);
  if (isJsonObject(value)) return value;
  // A YAML file of comments alone.
  if (format === "yaml" && value === null) return {};
  throw new ConfigError([`Cannot use ${path}: expected an object of settings`]);
}

/** The entries under a key of a file's data; undefined if the key is absent. */
export function listOf(value: ServerObject, listKey: string): ServerObject | undefined {
  const list = value[listKey];
  return isJsonObject(list) ? list : undefined;
}

/**
 * The text with the entry added, or in the place of the entry of the same name. Throws a
 * ConfigError if the text does not parse, or if the change would touch anything else.
 */
export async function putServer(
  text: string,
  format: ServerFormat,
  path: string,
  server: ServerEntry,
): Promise<string> {
  const mark = text.startsWith(byteOrderMark) ? byteOrderMark : "";
  const content = text.slice(mark.length);
  const before = await parseServers(content, format, path);
  const { listKey, name, entry } = server;
  const list = before[listKey];
  if (list !== undefined && list !== null && !isJsonObject(list)) {
    throw new ConfigError([`Cannot change ${path}: expected an object at "${listKey}"`]);
  }
  const isNew = !Object.hasOwn(list ?? {}, name);
  const editor = await loadEditor(format);
  const next = isNew ? editor.add(content, server) : editor.replace(content, server);
  const expected = { ...before, [listKey]: { ...list, [name]: entry } };
  if (
    next === undefined || (isNew && !isInsertion(content, next)) ||
    !(await holds(next, format, path, expected))
  ) {
    throw new ConfigError([
      `Cannot change ${path} without touching the rest of it: the form of "${listKey}" in it ` +
      "allows no insertion; add the entry by hand",
    ]);
  }
  return mark + next;
}

/** A file with nothing but the entry, to be shown. */
export async function showServer(format: ServerFormat, server: ServerEntry): Promise<string> {
  return (await putServer("", format, "the example", server)).trim();
}

async function loadEditor(format: ServerFormat): Promise<ServerEditor> {
  if (format === "toml") return (await import("./toml_editor.ts")).tomlEditor;
  if (format === "yaml") return (await import("./yaml_editor.ts")).yamlEditor;
  const { changeMember } = await import("../jsonc_edit.ts");
  const change = (text: string, { listKey, name, entry }: ServerEntry) =>
    changeMember(text, [listKey, name], entry);
  return { add: change, replace: change };
}

async function parseOther(text: string, format: "toml" | "yaml", path: string): Promise<unknown> {
  try {
    return format === "toml"
      ? (await import("smol-toml")).parse(text, { integersAsBigInt: "asNeeded" })
      : (await import("yaml")).parse(text, { strict: true, prettyErrors: true });
  } catch (fault) {
    const reason = fault instanceof Error ? fault.message : String(fault);
    // The lines after the first show the file's text, which may hold a secret.
    const [problem = ""] = reason.split("\n");
    const place = placeOf(fault);
    throw new ConfigError([`Cannot parse ${path}:${place} ${problem.replace(/:$/, "")}`], fault);
  }
}

/** The line of a fault as the TOML parser tells it; the YAML parser has it in its sentence. */
function placeOf(fault: unknown): string {
  if (typeof fault !== "object" || fault === null || !("line" in fault)) return "";
  return typeof fault.line === "number" ? ` line ${fault.line}:` : "";
}

/** Whether the new text is the old one with something in between. */
function isInsertion(old: string, next: string): boolean {
  if (next.length < old.length) return false;
  let start = 0;
  while (start < old.length && old[start] === next[start]) start += 1;
  return next.endsWith(old.slice(start));
}

async function holds(
  text: string,
  format: ServerFormat,
  path: string,
  expected: ServerObject,
): Promise<boolean> {
  try {
    return isSameData(await parseServers(text, format, path), expected);
  } catch (fault) {
    if (fault instanceof ConfigError) return false;
    throw fault;
  }
}
