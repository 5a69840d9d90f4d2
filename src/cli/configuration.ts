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

/** A text in the place of a file's, such as one that is not written yet. */
export interface ProposedText {
  readonly path: string;
  readonly text: string;
}

/** Reads the configuration; throws a ConfigError as a start would. */
export async function readConfiguration(
  { env, platform: { runtime, cwd } }: CommandContext,
  proposed?: ProposedText,
): Promise<StartConfig> {
  return await readConfig({
    // Another file may be in use by the gateway that runs.
    env: proposed === undefined ? env : { ...env, MCP_CONFIG: proposed.path },
    cwd,
    kinds: defaultTables.upstreamKinds,
    readText: (path) =>
      path === proposed?.path ? Promise.resolve(proposed.text) : runtime.readText(path),
  });
}
