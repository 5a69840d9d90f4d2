/**
 * What a command finds around it: the environment, and where the files of the gateway are. Flags
 * take precedence over the variables of the process, these over the `.env` of the current folder,
 * and that over the `.env` next to the `mcp.json`. In a folder for all accounts, such as /tmp, files
 * of other accounts do not count: they could name programs to start.
 */
import { ConfigError } from "../config/config_error.ts";
import { expandHome, folderOf, resolvePath } from "../config/path.ts";
import { findPlaces, noDirectory, type Places } from "../config/places.ts";
import type { Platform } from "./platform.ts";

/** The variables of one source. */
type Variables = Readonly<Record<string, string>>;

/** Both, for the context of a command. */
export interface Surroundings {
  /**
   * Global flags before the variables of the process, before the `.env` of the current folder,
   * before the `.env` next to the `mcp.json`.
   */
  readonly env: Variables;
  /** Where the files of the gateway are, and why there. */
  readonly places: Places;
  /** The `.env` files that were read, the one that takes precedence first. */
  readonly envFiles: readonly string[];
  /** The environment with what these files say now, for a gateway that reads `mcp.json` again. */
  readonly readEnv: () => Promise<Variables>;
}

/** Reads both. Throws a ConfigError for a file or a path that cannot be used. */
export async function readSurroundings(
  platform: Platform,
  flags: Variables,
): Promise<Surroundings> {
  const { runtime, system, cwd } = platform;
  const inFolder = await readVariables(platform, cwd);
  const env = { ...inFolder, ...runtime.env, ...flags };
  const input = {
    cwd,
    platform: system.platform,
    homeFolder: system.homeFolder,
    exists: (path: string) => runtime.exists(path) && !isForeign(platform, path),
    list: (folder: string) => namesIn(platform, folder),
  };
  const places = findPlaces({ ...input, env });
  const folder = folderOf(places.configPath);
  const isSame = folder === resolvePath(cwd, ".");
  const beside = isSame ? undefined : await readVariables(platform, folder);
  const files = {
    envFiles: [...(inFolder ? [`${cwd}/.env`] : []), ...(beside ? [`${folder}/.env`] : [])],
    readEnv: async () => ({
      ...(isSame ? {} : await readVariables(platform, folder)),
      ...await readVariables(platform, cwd),
      ...runtime.env,
      ...flags,
    }),
  };
  if (beside === undefined) return { env, places, ...files };
  const whole = { ...beside, ...env };
  const ofFile = (name: string) => isSet(beside, name) && !isSet(env, name);
  if (ofFile("MCP_CONFIG")) {
    throw new ConfigError([
      `Cannot use MCP_CONFIG in ${folder}/.env: this file is read because it is next to the ` +
      "configuration; set MCP_CONFIG in the environment",
    ]);
  }
  if (!ofFile("MCP_DATA_DIR")) return { env: whole, places, ...files };
  const data = beside["MCP_DATA_DIR"]?.trim() ?? "";
  const home = env["HOME"] ?? system.homeFolder;
  const dataDirectory = data === noDirectory ? data : resolvePath(folder, expandHome(data, home));
  return {
    env: { ...whole, MCP_DATA_DIR: dataDirectory },
    places: { ...places, dataDirectory, dataWhy: `MCP_DATA_DIR in ${folder}/.env says so` },
    ...files,
  };
}

/** The names in a folder; undefined if there is none that this account can use. */
function namesIn(platform: Platform, folder: string): readonly string[] | undefined {
  const { system } = platform;
  try {
    const isFolder = system.describe(folder)?.kind === "folder" && !isForeign(platform, folder);
    return isFolder ? system.list(folder) : undefined;
  } catch {
    return undefined;
  }
}

/** Whether another account put a file into a folder in which every account may do so. */
function isForeign({ system }: Platform, path: string): boolean {
  return system.describe(folderOf(path))?.isForAll === true &&
    system.describe(path)?.isOwn === false;
}

function isSet(variables: Variables, name: string): boolean {
  return (variables[name]?.trim() ?? "") !== "";
}

/** Undefined if the folder has no such file; a folder of this name is that of another program. */
async function readVariables(
  platform: Platform,
  folder: string,
): Promise<Variables | undefined> {
  const { runtime, system } = platform;
  const path = `${folder}/.env`;
  let text: string | undefined;
  try {
    if (system.describe(path)?.kind === "folder" || isForeign(platform, path)) return undefined;
    text = await runtime.readText(path);
  } catch (fault) {
    throw new ConfigError([`Cannot read "${path}": ${(fault as Error).message}`], fault);
  }
  // Loaded only if there is a `.env` file.
  return text === undefined ? undefined : (await import("dotenv")).parse(text);
}
