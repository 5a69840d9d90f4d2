/**
 * Reads `mcp.json`: the `mcpServers` object of Claude Desktop, Claude Code and Cursor, or the
 * `servers` object of VS Code (also inside `mcp`, as in its settings), with comments and trailing
 * commas. Each server is read by itself (server_entry.ts), as is each profile (profiles.ts); only a
 * fault of the whole file is an error, and so is one in `access`. A server's name may be any text
 * that can be part of a URL. If two names would give tools the same prefix, the later server fails.
 */
import { isJsonObject } from "../json.ts";
import { readAccessRows } from "./access_rows.ts";
import { type AuthSettings, chooseKinds, readAuthSettings } from "./auth_settings.ts";
import { isHideable } from "./child_environment.ts";
import {
  type DisabledServer,
  type ServerConfig,
  type ServersConfig,
  toSafePrefix,
} from "./config.ts";
import { appendKey, ConfigError, describeKind } from "./config_error.ts";
import { parseText } from "./json_text.ts";
import { isLoopback } from "./loopback.ts";
import { nearestName } from "./nearest.ts";
import { createPassedOver, readServerLists, serverListKeys } from "./other_programs.ts";
import type { OwnAddress } from "./own_address.ts";
import { folderOf } from "./path.ts";
import { findProgramFolder } from "./program_folder.ts";
import { readProfiles } from "./profiles.ts";
import { authenticates, isOpenToOthers } from "./reach.ts";
import { describeUnknown, failServer, readServer } from "./server_entry.ts";
import { joinForms, type ServerForms, type ServerKind } from "./server_kind.ts";
import { ownSecret } from "./substitution.ts";
import { readClientLimits, readResultChars } from "./client_limit_keys.ts";
import { readCardAudience, readNaming, readPinDefault } from "./surface_keys.ts";
import { urlNameProblem } from "./surface_names.ts";
import type { FileContext } from "./texts.ts";

/** What `readServersFile` needs. */
export interface ReadServersOptions {
  /** Absolute, as `readConfig` returns it. */
  readonly path: string;
  readonly env: Readonly<Record<string, string>>;
  /** The text of a file; undefined when there is none. */
  readonly readText: (path: string) => Promise<string | undefined>;
  /** The gateway's own addresses: no server may lead back to them. */
  readonly own: OwnAddress;
  /** The kinds of authenticators in use. Absent: those that the file names under `auth`. */
  readonly authKinds?: readonly string[] | undefined;
  /** The kinds of servers that an entry may ask for. */
  readonly kinds: readonly ServerKind[];
  /** Whether there is a file or folder at a path. Absent: programs run in the folder of the file. */
  readonly exists?: ((path: string) => boolean) | undefined;
  /** The data folder, in which programs run if the folder of the file does not suit them. */
  readonly dataDirectory?: string | undefined;
}

/**
 * The servers of a file, and the `MCP_*` names it mentions, disabled and failed servers included.
 */
export interface ServersFile {
  readonly config: ServersConfig;
  /** The settings of each authenticator kind; undefined if the file has no `auth`. */
  readonly auth: AuthSettings | undefined;
  readonly mentioned: ReadonlySet<string>;
}

/** The servers of a file. Throws a ConfigError when the file as a whole cannot be used. */
export async function readServers(options: ReadServersOptions): Promise<ServersConfig> {
  const file = await readServersFile(options);
  if (file === undefined) throw new ConfigError([`Cannot read ${options.path}: no such file`]);
  return file.config;
}

/** The same, with the names that only the start needs; undefined if there is no such file. */
export async function readServersFile(
  options: ReadServersOptions,
): Promise<ServersFile | undefined> {
  const { path, readText } = options;
  const text = await readText(path).catch((thrown: unknown) => {
    throw new ConfigError([`Cannot read ${path}: ${toReason(thrown)}`], thrown);
  });
  if (text === undefined) return undefined;
  const { value, repeated } = await parseText(text, path);
  if (!isJsonObject(value)) {
    throw new ConfigError([`Cannot use ${path}: expected an object, got ${describeKind(value)}`]);
  }
  const warnings = repeated.map((key) =>
    `Ignored the first ${key} of ${path}: the key appears twice, and the last one counts`
  );
  const auth = readAuthSettings(value["auth"], options);
  assertNoOtherAccess(Object.keys(value), path);
  const access = readAccessRows(value["access"], { file: path, repeated });
  const { authKinds = Object.keys(auth?.settings ?? {}) } = options;
  const config = await readServersValue(value, { ...options, authKinds }, warnings);
  return {
    config: {
      ...config,
      ...(access === undefined ? {} : { access }),
      secrets: [...config.secrets, ...auth?.secrets ?? []],
    },
    auth: auth?.settings,
    mentioned: new Set(text.match(/\bMCP_\w+/g)),
  };
}

/** A misspelt `access` would leave everything open, so it is no mere warning. */
function assertNoOtherAccess(keys: readonly string[], path: string): void {
  const other = keys.find((key) =>
    !servedTopLevel.includes(key) && nearestName(key, servedTopLevel) === "access"
  );
  if (other === undefined) return;
  throw new ConfigError([
    `Cannot use ${appendKey("", other)} in ${path}: unknown key; did you mean "access"?`,
  ]);
}

/** The servers of a parsed file. */
async function readServersValue(
  value: Readonly<Record<string, unknown>>,
  options: ReadServersOptions,
  warnings: string[],
): Promise<ServersConfig> {
  const { path, kinds } = options;
  // Only the file's name: clients see the problem too, and must not learn the path.
  const file = path.slice(path.lastIndexOf("/") + 1);
  const pin = readPinDefault(value["pin"], path);
  const context: FileContext = { ...createFileContext(options, file, warnings), pin };
  const names = readNaming(value["names"], path);
  const card = readCardAudience(value["card"], path);
  const resultCharsMax = readResultChars(value["resultCharsMax"], path);
  const clientLimits = readClientLimits(value["clientLimits"], path);
  const { servers, disabled } = await readSections(value, joinForms(kinds), context);
  const profiles = readProfiles(value["profiles"], context);
  warnOfTopLevel(value, context);
  const notes = context.passedOver.lines(context.file);
  return {
    servers,
    ...(disabled.length === 0 ? {} : { disabled }),
    names,
    ...(card === undefined ? {} : { card }),
    ...(profiles === undefined ? {} : { profiles }),
    ...(pin === undefined ? {} : { pin }),
    ...(resultCharsMax === undefined ? {} : { resultCharsMax }),
    ...(clientLimits === undefined ? {} : { clientLimits }),
    warnings,
    ...(notes.length === 0 ? {} : { notes }),
    files: [...context.files],
    secrets: [...context.secrets],
  };
}

/** What the entries of `file` share; `file` names it in texts that clients see too. */
export function createFileContext(
  options: ReadServersOptions,
  file: string,
  warnings: string[],
): FileContext {
  const { path, env, readText, own } = options;
  const auth = chooseKinds(options.authKinds, undefined);
  return {
    file,
    folder: folderOf(path),
    programFolder: findProgramFolder({ ...options, folder: folderOf(path) }),
    env,
    readText,
    remoteBind: !isLoopback(own.host),
    isOpen: isOpenToOthers({ ...own, auth }),
    authenticates: authenticates({ auth }),
    own,
    warnings,
    passedOver: createPassedOver(),
    files: new Set(),
    secrets: new Set(ownSecrets(env)),
  };
}

/** The servers if there is no file: CoinGecko, which needs no key, and those whose key is set. */
export async function readDefaultServers(options: ReadServersOptions): Promise<ServersConfig> {
  const hasKey = (options.env["OPENSUBTITLES_API_KEY"]?.trim() ?? "") !== "";
  const mcpServers = {
    coingecko: { recipe: "coingecko" },
    ...(hasKey ? { opensubtitles: { recipe: "opensubtitles" } } : {}),
  };
  const { servers, ...rest } = await readServersValue({ mcpServers }, options, []);
  return { ...rest, servers: servers.map((server) => ({ ...server, definedIn: "built-in" })) };
}

function ownSecrets(env: Readonly<Record<string, string>>): string[] {
  const secret = env[ownSecret]?.trim() ?? "";
  return isHideable(secret) ? [secret] : [];
}

function toReason(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** The objects of a file that hold servers, by their paths; of one name the first counts. */
export const serverSections: readonly (readonly [string, ...string[]])[] = [
  ["mcpServers"],
  ["servers"],
  ["mcp", "servers"],
  // Zed.
  ["context_servers"],
];

/** The member of a parsed file at a path; undefined if there is none. */
export function memberAt(top: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((place, key) => isJsonObject(place) ? place[key] : undefined, top);
}

async function readSections(
  top: Readonly<Record<string, unknown>>,
  forms: ServerForms,
  context: FileContext,
): Promise<{ readonly servers: ServerConfig[]; readonly disabled: DisabledServer[] }> {
  const sections = serverSections.map((path) => [path.join("."), memberAt(top, path)] as const);
  const isOff = readServerLists(top);
  const byName = new Map<string, ServerConfig | undefined>();
  const disabled: DisabledServer[] = [];
  const byPrefix = new Map<string, string>();
  for (const [path, section] of sections) {
    if (section === undefined || section === null) continue;
    if (!isJsonObject(section)) {
      throw new ConfigError([
        `Cannot use ${path} in ${context.file}: expected an object, got ${describeKind(section)}`,
      ]);
    }
    for (const [name, entry] of Object.entries(section)) {
      const entryPath = appendKey(path, name);
      if (byName.has(name)) {
        context.warnings.push(
          `Ignored ${entryPath} of ${context.file}: an earlier server has the same name`,
        );
        continue;
      }
      const server = isOff(name)
        ? undefined
        : await readServer(name, entryPath, entry, forms, context);
      if (server === undefined) {
        const kind = forms.kindOf(isJsonObject(entry) ? entry : {});
        disabled.push({ name, kind, definedIn: "file" });
      }
      const problem = server && nameProblem(name, byPrefix);
      byName.set(
        name,
        problem === undefined
          ? server
          : failServer(name, `${entryPath} in ${context.file}: ${problem}`),
      );
    }
  }
  if (sections.every(([, section]) => section === undefined || section === null)) {
    context.warnings.push(`Found no servers in ${context.file}: expected an object "mcpServers"`);
  }
  const servers = [...byName.values()].filter((server) => server !== undefined);
  return { servers, disabled };
}

/** Why a server cannot have this name; if it can, its prefix is now taken. */
export function nameProblem(name: string, byPrefix: Map<string, string>): string | undefined {
  const problem = urlNameProblem(name);
  if (problem !== undefined) return problem;
  const prefix = toSafePrefix(name);
  const other = byPrefix.get(prefix);
  if (other === undefined) {
    byPrefix.set(prefix, name);
    return undefined;
  }
  return `its tools would have the same prefix "${prefix}" as those of ${JSON.stringify(other)}; ` +
    "choose another name";
}

const servedTopLevel = [
  ...["mcpServers", "servers", "profiles", "names", "card", "pin", "auth", "access"],
  ...["resultCharsMax", "clientLimits"],
];
/** What editors write next to the servers. */
const foreignTopLevel = ["$schema", "inputs", "mcp", "context_servers", ...serverListKeys];

function warnOfTopLevel(top: Readonly<Record<string, unknown>>, context: FileContext): void {
  const known = [...servedTopLevel, ...foreignTopLevel];
  const unknown = Object.keys(top)
    .filter((key) => !known.includes(key) && !context.passedOver.hasFileKey(key));
  const far = unknown.filter((key) => nearestName(key, servedTopLevel) === undefined);
  for (const key of unknown) {
    if (far.includes(key)) continue;
    context.warnings.push(describeUnknown("", key, servedTopLevel, context.file));
  }
  // A settings file of a client has many keys of its own: one line for all of them.
  if (far.length > 0) {
    context.warnings.push(
      `Ignored ${far.map((key) => JSON.stringify(key)).join(", ")} of ${context.file}: ` +
        `unknown ${far.length === 1 ? "key" : "keys"}`,
    );
  }
}
