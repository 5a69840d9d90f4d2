/**
 * The configuration that a gateway on the same files would have, for commands that do its work
 * while none runs.
 */
import { defaultTables } from "../app.ts";
import { readConfig, type StartConfig } from "../config/environment.ts";
import { resolvePath } from "../config/path.ts";
import type { CommandContext } from "./command.ts";

/** Where the files are. */
export function placesOf({ env, platform }: CommandContext) {
  const folder = env["MCP_DATA_DIR"] ?? "data";
  return {
    configPath: resolvePath(platform.cwd, env["MCP_CONFIG"] ?? "mcp.json"),
    dataDirectory: folder === ":memory:" ? folder : resolvePath(platform.cwd, folder),
  };
}

/** Reads the configuration; throws a ConfigError as a start would. */
export async function readConfiguration(context: CommandContext): Promise<StartConfig> {
  const { env, platform: { runtime, cwd } } = context;
  const kinds = defaultTables.upstreamKinds;
  return await readConfig({ env, cwd, kinds, readText: runtime.readText });
}
