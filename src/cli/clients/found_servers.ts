/**
 * The servers in the files of clients, in the form of `mcp.json`, each with what the list shows of
 * it: no values. An entry that is this gateway, or that has no form here, has a reason instead.
 */
import { isJsonObject } from "../../json.ts";
import type { OwnAddress } from "../../config/own_address.ts";
import { type Client, clients } from "./client_table.ts";
import { type ClientFile, type ClientMachine, parentOf, recogniseFile } from "./client_places.ts";
import { readExactly } from "./exact_file.ts";
import { toOwnForm } from "./foreign_form.ts";
import { isOwnEntry } from "./gateway_address.ts";
import type { ServerObject } from "./server_editor.ts";
import { listOf, parseServers } from "./server_list.ts";

/** One entry of a client's file. */
export interface FoundServer {
  readonly name: string;
  readonly file: ClientFile;
  /** In our form; undefined if it is not imported. */
  readonly entry?: ServerObject;
  /** Why it is not imported. */
  readonly reason?: string;
  /** Whether it is this gateway. */
  readonly isOwn: boolean;
  /** Keys that have no meaning here. */
  readonly dropped: readonly string[];
}

/** What a file holds. */
export interface FoundFile {
  readonly file: ClientFile;
  readonly servers: readonly FoundServer[];
  /** Remarks for the person. */
  readonly notes: readonly string[];
}

/** What entries are read with. */
export interface FindContext extends ClientMachine {
  readonly own: OwnAddress;
  readonly isKnownKey: (key: string) => boolean;
}

/** Reads one file. Throws a ConfigError if it cannot be parsed. */
export async function readFile(file: ClientFile, context: FindContext): Promise<FoundFile> {
  const { client, scope, path } = file;
  const text = await readExactly(context.system, path) ?? "";
  const value = await parseServers(text, client.format, path);
  const list = listOf(value, client.listKey) ?? {};
  const project = scope === "project" ? projectOf(path, client) : undefined;
  const servers = Object.entries(list).map(([name, given]): FoundServer => {
    if (isJsonObject(given) && isOwnEntry(given, context.own)) {
      return { name, file, reason: "it is this gateway", isOwn: true, dropped: [] };
    }
    const form = toOwnForm(given, { client, project, isKnownKey: context.isKnownKey });
    return { name, file, isOwn: false, dropped: [], ...form };
  });
  return { file, servers, notes: notesOf(value, file) };
}

/** Reads several files; one that cannot be read becomes a note. */
export async function readFiles(
  files: readonly ClientFile[],
  context: FindContext,
): Promise<FoundFile[]> {
  const found: FoundFile[] = [];
  for (const file of files) {
    try {
      found.push(await readFile(file, context));
    } catch (fault) {
      found.push({
        file,
        servers: [],
        notes: [fault instanceof Error ? fault.message : String(fault)],
      });
    }
  }
  return found;
}

/**
 * The client whose file this is: by its path, else by the object of servers in it. Undefined if
 * nothing tells.
 */
export async function clientOf(
  path: string,
  context: ClientMachine,
): Promise<ClientFile | undefined> {
  const known = recogniseFile(path, context);
  if (known !== undefined) return known;
  const text = await readExactly(context.system, path) ?? "";
  const format = /\.toml$/i.test(path) ? "toml" : /\.ya?ml$/i.test(path) ? "yaml" : "jsonc";
  const value = await parseServers(text, format, path);
  // Many clients list servers under the same key; their entries mean the same here.
  const client = clients.find((row) => row.format === format && isJsonObject(value[row.listKey]));
  return client === undefined ? undefined : { client, scope: "user", path };
}

/** The program of an entry without its folder, or the host of its URL. */
export function reachOf(entry: ServerObject): string {
  const { command } = entry;
  if (typeof command === "string") {
    return command.trim().split(/\s+/)[0]?.replace(/^.*[\\/]/, "") ?? "";
  }
  const url = ["url", "serverUrl", "httpUrl"].map((key) => entry[key]).find((text) =>
    typeof text === "string"
  );
  return typeof url === "string" && URL.canParse(url) ? new URL(url).host : "?";
}

/** The names of the variables or headers of an entry. */
export function namesIn(entry: ServerObject, key: "env" | "headers"): readonly string[] {
  const value = entry[key];
  return isJsonObject(value) ? Object.keys(value) : [];
}

/** The folder of a project, from the path of a client's file in it. */
function projectOf(path: string, { projectFile = "" }: Client): string {
  const depth = projectFile.split("/").length;
  return Array.from({ length: depth }).reduce<string>((folder) => parentOf(folder), path);
}

function notesOf(value: ServerObject, { path }: ClientFile): string[] {
  const { projects } = value;
  const inProjects = isJsonObject(projects)
    ? Object.values(projects).filter((project) =>
      isJsonObject(project) && isJsonObject(project["mcpServers"]) &&
      Object.keys(project["mcpServers"]).length > 0
    ).length
    : 0;
  return inProjects === 0 ? [] : [
    `Not read: the servers of ${inProjects} single ${
      inProjects === 1 ? "project" : "projects"
    } in ${path}`,
  ];
}
