/**
 * Where the files of a gateway are. What the environment or the current folder says comes first;
 * without either, the files are where the system keeps those of an account, so that every command
 * finds the same gateway from any folder. One pure function; the file system is passed in.
 */
import { ConfigError } from "./config_error.ts";
import { expandHome, isAbsolutePath, resolvePath, startsAtHome } from "./path.ts";

/** The data directory of a gateway that keeps no files. */
export const noDirectory = ":memory:";

/** The audit trail in a data directory. */
export function auditPath(dataDirectory: string): string {
  return `${dataDirectory}/logs/audit.log`;
}

/** What `findPlaces` needs. */
export interface PlacesInput {
  readonly env: Readonly<Record<string, string>>;
  /** The current folder, absolute. */
  readonly cwd: string;
  /** As Node names it: linux, darwin, win32 and others. */
  readonly platform: string;
  /** The home folder of the account; empty if it has none. */
  readonly homeFolder: string;
  /** Whether there is a file or folder at a path. */
  readonly exists: (path: string) => boolean;
  /** The names in a folder; undefined if there is none, or if this account may not read it. */
  readonly list: (folder: string) => readonly string[] | undefined;
}

/** The two places, each with the reason for it. */
export interface Places {
  /** The absolute path of the file that lists the servers; it may not exist yet. */
  readonly configPath: string;
  readonly configWhy: string;
  /** Whether that is the usual place of the account, where no file need exist even if it is named. */
  readonly isUsualConfig: boolean;
  /** The absolute path of the data folder, or `:memory:`. */
  readonly dataDirectory: string;
  readonly dataWhy: string;
}

/** The files that a gateway writes into its data folder. */
const dataFiles: readonly string[] = ["mcp-wrapper.db", "secret.key", "operator.token"];

/** Finds both places. Throws a ConfigError for a `~` without a home folder. */
export function findPlaces(input: PlacesInput): Places {
  const account = accountPlaces(input);
  const reason = ownReason(input) ??
    (account === undefined ? "this account has no home folder" : undefined);
  const usualPath = account && resolvePath(account.configFolder, "mcp.json");
  if (reason !== undefined || account === undefined || usualPath === undefined) {
    const places = placesInFolder(input, `the current folder, since ${reason}`);
    return { ...places, isUsualConfig: places.configPath === usualPath };
  }
  const why =
    "the usual place of this account, since the current folder has no mcp.json and no data folder";
  return {
    configPath: usualPath,
    configWhy: why,
    isUsualConfig: true,
    dataDirectory: account.dataFolder,
    dataWhy: why,
  };
}

/** The places if the environment or the current folder decides: `./mcp.json` and `./data`. */
export function placesInFolder(
  { env, cwd, homeFolder = "" }: Pick<PlacesInput, "env" | "cwd"> & Partial<PlacesInput>,
  reason = "the current folder",
): Places {
  const place = (variable: string, flag: string, usual: string) => {
    const text = env[variable]?.trim() ?? "";
    if (text === "") return { path: resolvePath(cwd, usual), why: reason };
    const why = `${variable} or ${flag} says so`;
    if (text === noDirectory && variable === "MCP_DATA_DIR") return { path: noDirectory, why };
    return { path: toPath(text, variable, cwd, homeOf(env, homeFolder)), why };
  };
  const config = place("MCP_CONFIG", "--config", "mcp.json");
  const data = place("MCP_DATA_DIR", "--data", "data");
  return {
    configPath: config.path,
    configWhy: config.why,
    isUsualConfig: false,
    dataDirectory: data.path,
    dataWhy: data.why,
  };
}

/** Why the files are in the current folder or where variables say; undefined if they are not. */
function ownReason({ env, cwd, exists, list }: PlacesInput): string | undefined {
  if (exists(resolvePath(cwd, "mcp.json"))) return "it has an mcp.json";
  // Many projects have a folder of this name: one with the files of another program is theirs.
  const names = list(resolvePath(cwd, "data"));
  if (names !== undefined && isDataFolder(names)) return "it has a data folder";
  const set = ["MCP_CONFIG", "MCP_DATA_DIR"].filter((name) => (env[name]?.trim() ?? "") !== "");
  if (set.length === 0) return undefined;
  return `${set.join(" and ")} ${set.length === 1 ? "is" : "are"} set`;
}

function isDataFolder(names: readonly string[]): boolean {
  return names.length === 0 || dataFiles.some((name) => names.includes(name));
}

/** Where the system keeps the files of an account; undefined if it has no home folder. */
function accountPlaces({ env, platform, homeFolder }: PlacesInput) {
  const home = homeOf(env, homeFolder);
  const folder = (variable: string, usual: string): string | undefined => {
    const text = env[variable]?.trim() ?? "";
    // The XDG specification: a relative path is invalid and ignored.
    if (isAbsolutePath(text)) return resolvePath(text, "mcp-wrapper");
    return home === undefined ? undefined : resolvePath(home, `${usual}/mcp-wrapper`);
  };
  if (platform === "darwin" || platform === "win32") {
    const own = platform === "darwin"
      ? home && resolvePath(home, "Library/Application Support/mcp-wrapper")
      : folder("APPDATA", "AppData/Roaming");
    return own ? { configFolder: own, dataFolder: resolvePath(own, "data") } : undefined;
  }
  const configFolder = folder("XDG_CONFIG_HOME", ".config");
  const dataFolder = folder("XDG_STATE_HOME", ".local/state");
  if (configFolder === undefined || dataFolder === undefined) return undefined;
  return { configFolder, dataFolder };
}

function homeOf(env: PlacesInput["env"], homeFolder: string): string | undefined {
  return [env["HOME"] ?? "", homeFolder].find(isAbsolutePath);
}

function toPath(text: string, variable: string, cwd: string, home: string | undefined): string {
  if (startsAtHome(text) && home === undefined) {
    throw new ConfigError([
      `Cannot use ${variable}=${JSON.stringify(text)}: ~ needs the variable HOME`,
    ]);
  }
  return resolvePath(cwd, expandHome(text, home ?? ""));
}
