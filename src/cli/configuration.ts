/**
 * The configuration that a gateway on the same files would have, for commands that do its work
 * while none runs.
 */
import { defaultTables } from "../app.ts";
import { readConfig, type StartConfig } from "../config/environment.ts";
import type { CommandContext } from "./command.ts";

/** A text in the place of a file's, such as one that is not written yet. */
export interface ProposedText {
  readonly path: string;
  readonly text: string;
}

/** Reads the configuration; throws a ConfigError as a start would. */
export async function readConfiguration(
  { env, places, platform: { runtime, cwd } }: CommandContext,
  proposed?: ProposedText,
): Promise<StartConfig> {
  const { exists, readText } = runtime;
  return await readConfig({
    env,
    cwd,
    exists,
    kinds: defaultTables.kinds,
    // Another file may be in use by the gateway that runs.
    places: proposed === undefined ? places : { ...places, configPath: proposed.path },
    readText: (path) => path === proposed?.path ? Promise.resolve(proposed.text) : readText(path),
  });
}
