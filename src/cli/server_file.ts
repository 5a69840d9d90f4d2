/**
 * The `mcp.json` of a person, as commands with `--file` change it: one server in one place, with all
 * comments kept. Nothing is written that the gateway could not read afterwards.
 */
import { parseJsonc } from "../config/jsonc.ts";
import { memberAt, serverSections } from "../config/mcp_json.ts";
import { isSwitchedOff, readServerLists, switches } from "../config/other_programs.ts";
import { folderOf } from "../config/path.ts";
import { isJsonObject } from "../json.ts";
import type { CommandContext } from "./command.ts";
import { CommandError } from "./command_error.ts";
import { type EditedText, type MemberPath, removeMember, setMember } from "./jsonc_edit.ts";

/** A server as it stands in the file. */
export interface FileServer {
  readonly name: string;
  /** Where its entry is. */
  readonly path: MemberPath;
  /** As written; of any type. */
  readonly entry: unknown;
  /** Whether the entry itself, or a list of the file, switches it off. */
  readonly isOff: boolean;
}

/** The file, whether or not it exists. */
export interface ServerFile extends EditedText {
  /** Absolute. */
  readonly path: string;
  readonly servers: readonly FileServer[];
}

/** Only its owner may read a new file: entries may hold secrets. */
const newFileMode = 0o600;

/** Reads the file; one that does not exist is empty. Throws a ConfigError if it cannot be read. */
export async function readServerFile(
  { platform: { runtime } }: CommandContext,
  path: string,
): Promise<ServerFile> {
  const text = await runtime.readText(path).catch((fault) => {
    throw new CommandError("failed", `Cannot read ${path}: ${fault.message}`);
  }) ?? "";
  const value = text.replace("\uFEFF", "").trim() === "" ? {} : parseJsonc(text, path).value;
  if (!isJsonObject(value)) {
    throw new CommandError("usage", `Cannot use ${path}: expected an object`);
  }
  return { path, file: path, text, servers: listServers(value) };
}

function listServers(top: Readonly<Record<string, unknown>>): FileServer[] {
  const isOffByList = readServerLists(top);
  const byName = new Map<string, FileServer>();
  for (const section of serverSections) {
    const servers = memberAt(top, section);
    for (const [name, entry] of Object.entries(isJsonObject(servers) ? servers : {})) {
      if (byName.has(name)) continue;
      const isOff = isOffByList(name) || (isJsonObject(entry) && isSwitchedOff(entry));
      byName.set(name, { name, path: [...section, name], entry, isOff });
    }
  }
  return [...byName.values()];
}

/** The text with a server added, or its entry replaced. */
export function withServer(file: ServerFile, name: string, entry: unknown): string {
  const known = file.servers.find((server) => server.name === name);
  return setMember(file, known?.path ?? [...sectionOf(file), name], entry);
}

/** The section that takes a new server: the first that has servers. */
function sectionOf({ servers }: ServerFile): MemberPath {
  const [first] = servers;
  const used = serverSections.find((section) =>
    first !== undefined && section.every((key, index) => first.path[index] === key)
  );
  return used ?? ["mcpServers"];
}

/** The text without a server. */
export function withoutServer(file: ServerFile, { path }: FileServer): string {
  return removeMember(file, path);
}

/** The text with a profile added, or its entry replaced. */
export function withProfile(file: ServerFile, name: string, entry: unknown): string {
  return setMember(file, ["profiles", name], entry);
}

/** The text without a profile. */
export function withoutProfile(file: ServerFile, name: string): string {
  return removeMember(file, ["profiles", name]);
}

/** The text with a server switched on or off by the keys of its entry. */
export function withServerSwitched(file: ServerFile, server: FileServer, off: boolean): string {
  const { entry, path, name } = server;
  if (!isJsonObject(entry)) {
    throw new CommandError("usage", `Cannot use server "${name}" of ${file.path}: no object`);
  }
  if (off) return setMember(file, [...path, "disabled"], true);
  let text = file.text;
  for (const [key, offValue] of switches) {
    if (entry[key] !== offValue) continue;
    const at = { text, file: file.file };
    text = offValue ? removeMember(at, [...path, key]) : setMember(at, [...path, key], true);
  }
  if (listServers(toObject(text, file.path)).some((one) => one.name === name && one.isOff)) {
    throw new CommandError(
      "usage",
      `Cannot enable server "${name}": a list in ${file.path} names the servers that are on or off; ` +
        "edit that list",
    );
  }
  return text;
}

function toObject(text: string, path: string): Readonly<Record<string, unknown>> {
  const { value } = parseJsonc(text, path);
  return isJsonObject(value) ? value : {};
}

/** Writes the text in place of the file's, unless the file has changed since it was read. */
export async function writeServerFile(
  context: CommandContext,
  file: ServerFile,
  text: string,
): Promise<void> {
  const { runtime, system } = context.platform;
  if ((await runtime.readText(file.path) ?? "") !== file.text) {
    throw new CommandError("failed", `Cannot change ${file.path}: it has just changed; try again`);
  }
  const facts = system.describe(file.path);
  try {
    if (facts === undefined) system.makeFolder(folderOf(file.path), 0o700);
    await system.replaceFile(file.path, text, facts?.mode ?? newFileMode);
  } catch (fault) {
    const reason = fault instanceof Error ? fault.message : String(fault);
    throw new CommandError("failed", `Cannot write ${file.path}: ${reason}`);
  }
}
