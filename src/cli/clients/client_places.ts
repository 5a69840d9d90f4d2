/**
 * Where the files of clients are on this machine: fills the templates of the table in, with the
 * variables that clients obey, and finds those that exist.
 */
import { nearestName } from "../../config/nearest.ts";
import type { System } from "../../runtime/system.ts";
import { CommandError } from "../command_error.ts";
import { type Client, clients, type ClientScope, type ClientSystem } from "./client_table.ts";

/** The machine and the variables that decide about places. */
export interface ClientMachine {
  readonly system: System;
  readonly env: Readonly<Record<string, string>>;
  /** The current folder, absolute. */
  readonly cwd: string;
}

/** A file of a client. */
export interface ClientFile {
  readonly client: Client;
  readonly scope: ClientScope;
  readonly path: string;
}

/** Finds a client by its id or another spelling. Throws `notFound` with the nearest. */
export function findClient(id: string): Client {
  const wanted = id.trim().toLowerCase().replaceAll(" ", "-");
  const found = clients.find((row) => row.id === wanted || row.otherIds.includes(wanted));
  if (found !== undefined) return found;
  const near = nearestName(wanted, clients.flatMap((row) => [row.id, ...row.otherIds]));
  throw new CommandError(
    "notFound",
    `Cannot find a client "${id}"` + (near === undefined ? "" : `; did you mean ${near}?`) +
      `; expected ${clients.map((row) => row.id).join(", ")}`,
  );
}

/**
 * The file of a client to change: the one that exists, else the one whose folder exists, else the
 * usual one. Undefined if the client has no file for the scope.
 */
export function placeOf(
  client: Client,
  scope: ClientScope,
  around: ClientMachine,
): string | undefined {
  const { system } = around;
  if (scope === "project") {
    return client.projectFile === undefined
      ? undefined
      : native(`${slashed(around.cwd, system)}/${client.projectFile}`, system);
  }
  const places = userPlaces(client, around);
  return places.find((path) => system.describe(path) !== undefined) ??
    places.find((path) => system.describe(parentOf(path)) !== undefined) ?? places[0];
}

/** Every file of the user that exists, of these clients. */
export function userFilesOf(rows: readonly Client[], around: ClientMachine): ClientFile[] {
  return rows.flatMap((client) =>
    userPlaces(client, around)
      .filter((path) => around.system.describe(path)?.kind === "file")
      .map((path): ClientFile => ({ client, scope: "user", path }))
  );
}

/** The client and scope whose file has such a path; undefined for any other path. */
export function recogniseFile(path: string, around: ClientMachine): ClientFile | undefined {
  const { system } = around;
  const own = slashed(path, system);
  for (const client of clients) {
    if (userPlaces(client, around).some((place) => slashed(place, system) === own)) {
      return { client, scope: "user", path };
    }
    if (client.projectFile !== undefined && own.endsWith(`/${client.projectFile}`)) {
      return { client, scope: "project", path };
    }
  }
  // A copy of a user's file, anywhere.
  const name = own.slice(own.lastIndexOf("/") + 1);
  const named = clients.filter((client) =>
    Object.values(client.userFiles).flat().some((place) => place.endsWith(`/${name}`))
  );
  const [only, second] = named;
  return only === undefined || second !== undefined
    ? undefined
    : { client: only, scope: "user", path };
}

/** The folder of a path, with either kind of slash. */
export function parentOf(path: string): string {
  const cut = Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\"));
  return cut <= 0 ? "/" : path.slice(0, cut);
}

function userPlaces(client: Client, around: ClientMachine): string[] {
  const { system } = around;
  // Other systems of the family of Unix have the places of Linux.
  const kind: ClientSystem = system.platform === "darwin" || system.platform === "win32"
    ? system.platform
    : "linux";
  return client.userFiles[kind].flatMap((template) => fillIn(template, around))
    .map((path) => native(path, system));
}

/** The paths that a template stands for: `*` in one of its folders means each that exists. */
function fillIn(template: string, { system, env }: ClientMachine): string[] {
  const home = slashed(system.homeFolder, system);
  const given = (name: string) => {
    const value = env[name]?.trim() ?? "";
    return value === "" ? undefined : slashed(value, system);
  };
  const bases: Readonly<Record<string, string>> = {
    home,
    config: given("XDG_CONFIG_HOME") ?? `${home}/.config`,
    support: `${home}/Library/Application Support`,
    roaming: given("APPDATA") ?? `${home}/AppData/Roaming`,
    local: given("LOCALAPPDATA") ?? `${home}/AppData/Local`,
    claude: given("CLAUDE_CONFIG_DIR") ?? home,
    codex: given("CODEX_HOME") ?? `${home}/.codex`,
  };
  const path = template.replace(/^\{(\w+)\}/, (whole, name: string) => bases[name] ?? whole);
  const star = /^(.*)\/([^/*]*)\*([^/]*)(\/.*)$/.exec(path);
  if (star === null) return [path];
  const [, folder = "", start = "", end = "", rest = ""] = star;
  return system.list(folder)
    .filter((name) => name.startsWith(start) && name.endsWith(end))
    .map((name) => `${folder}/${name}${rest}`);
}

const slashed = (path: string, { platform }: System): string =>
  platform === "win32" ? path.replaceAll("\\", "/") : path;
const native = (path: string, { platform }: System): string =>
  platform === "win32" ? path.replaceAll("/", "\\") : path;
