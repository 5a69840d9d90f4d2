/** What a start reads: the configuration, with the PATH of the login shell where that is needed. */
import { defaultTables } from "../../app.ts";
import { readConfig, type StartConfig } from "../../config/environment.ts";
import type { Platform } from "../platform.ts";
import type { Surroundings } from "../surroundings.ts";
import { findLoginPath, type LoginPath } from "./login_path.ts";

/** The configuration of a start. */
export interface ReadStart extends Pick<Surroundings, "env" | "readEnv"> {
  readonly start: StartConfig;
  readonly note: LoginPath["note"];
}

/** Reads it. Throws a ConfigError. */
export async function readStart(
  platform: Platform,
  { env: given, places, readEnv }: Surroundings,
): Promise<ReadStart> {
  const { runtime: { readText, exists }, cwd } = platform;
  const kinds = defaultTables.kinds;
  const read = (env: Surroundings["env"]) =>
    readConfig({ kinds, env, readText, exists, cwd, places });
  const start = await read(given);
  const { path, note } = await findLoginPath(platform, given, start.config);
  if (path === undefined) return { start, env: given, readEnv, note };
  const env = { ...given, PATH: path };
  return {
    start: await read(env),
    env,
    readEnv: async () => ({ ...await readEnv(), PATH: path }),
    note,
  };
}
