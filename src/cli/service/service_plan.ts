/**
 * What a service of this machine needs: its manager, where that keeps its file, and the program as
 * `start` would run in the current folder. A service gets no variable of the shell, so PATH and the
 * gateway's own variables are written down; secrets are not.
 */
import { folderOf, resolvePath } from "../../config/path.ts";
import { type Variable, type VariableName, variables } from "../../config/variables.ts";
import { defaultLimits } from "../../limits.ts";
import type { CommandContext, CommandValues } from "../command.ts";
import { CommandError } from "../command_error.ts";
import { isInLauncherCache } from "../launcher_cache.ts";
import { readVariableFlags } from "../variable_flags.ts";
import { launchd } from "./launchd.ts";
import type { ServiceManager, ServicePlace, ServiceSpec } from "./service_manager.ts";
import { systemd } from "./systemd.ts";

const managers: Readonly<Record<string, ServiceManager>> = { linux: systemd, darwin: launchd };

/** The manager of this system. */
export function managerOf({ platform: { system } }: CommandContext): ServiceManager {
  const manager = managers[system.platform];
  if (manager !== undefined) return manager;
  throw new CommandError(
    "failed",
    `Cannot manage a service on ${system.platform}: this command knows systemd (Linux) and launchd ` +
      `(macOS); let another service manager run mcp-wrapper start`,
  );
}

/** Where the manager looks. */
export async function placeOf({ platform, env }: CommandContext): Promise<ServicePlace> {
  const { system, runtime } = platform;
  const configFolder = env["XDG_CONFIG_HOME"]?.trim();
  const { stdout } = await system.run("id", {
    args: ["-u"],
    env: runtime.env,
    withinMs: defaultLimits.serviceStepMs,
    outputBytesMax: defaultLimits.serviceOutputBytesMax,
  });
  return {
    homeFolder: system.homeFolder,
    account: stdout.trim(),
    ...(configFolder ? { configFolder } : {}),
  };
}

/** The program as a service. Throws where it would not last. */
export function specOf(context: CommandContext, values: CommandValues): ServiceSpec {
  const { platform: { self, cwd, system, runtime }, places } = context;
  assertLasting(self);
  // The current folder counts if the gateway finds something of its own there.
  const isUsed = [places.configPath, places.dataDirectory].some((path) => folderOf(path) === cwd) ||
    system.describe(resolvePath(cwd, ".env")) !== undefined;
  return assertWritable({
    command: [...self, "start"],
    folder: isUsed ? cwd : system.homeFolder,
    env: {
      ...lastingPath(runtime.env["PATH"] ?? "", self[0]),
      ...ownVariables(runtime.env, cwd),
      ...absolute(readVariableFlags(values), cwd),
    },
  });
}

/** A line break would begin another line of a unit; a property list can hold none of the others. */
function assertWritable(spec: ServiceSpec): ServiceSpec {
  const variables = Object.entries(spec.env).map(([name, value]) => `${name}=${value}`);
  const wrong = [...spec.command, spec.folder, ...variables].find((text) => /\p{Cc}/u.test(text));
  if (wrong === undefined) return spec;
  throw new CommandError(
    "usage",
    `Cannot install a service: ${JSON.stringify(wrong)} has a control character, such as a line ` +
      "break; rename or change it",
  );
}

function assertLasting(self: readonly string[]): void {
  const cached = self.findLast(isInLauncherCache);
  if (cached === undefined) return;
  const missing = cached === self.at(-1) ? "the program" : "the runtime";
  throw new CommandError(
    "usage",
    `Cannot install a service that runs from a cache (${cached}): install ${missing} first, and ` +
      "run this command with it",
  );
}

/**
 * The folders of PATH without those that a launcher or a project put there for one run, and with the
 * folder of the runtime, since npx stands next to node. No PATH at all leaves the service its own.
 */
function lastingPath(path: string, program: string): { readonly PATH?: string } {
  const isLasting = (folder: string) =>
    folder.startsWith("/") && !/node_modules\/\.bin\/?$/.test(folder) &&
    !isInLauncherCache(`${folder}/`) && !folder.startsWith("/tmp/");
  const folders = [...path.split(":"), folderOf(program)].filter(isLasting);
  return folders.length === 0 ? {} : { PATH: [...new Set(folders)].join(":") };
}

/** The folders of an account, where they are not the usual ones. */
const folderVariables = ["XDG_CONFIG_HOME", "XDG_STATE_HOME"];

/**
 * The variables of the process by which the gateway finds its files and listens. A service reads
 * secrets from `.env`.
 */
function ownVariables(env: Readonly<Record<string, string>>, cwd: string): Record<string, string> {
  const open = (Object.keys(variables) as VariableName[]).filter((name) =>
    (variables[name] as Variable<unknown>).secret !== true
  );
  const names = [...folderVariables, ...open].filter((name) => (env[name]?.trim() ?? "") !== "");
  return absolute(Object.fromEntries(names.map((name) => [name, env[name] ?? ""])), cwd);
}

const pathVariables: readonly string[] = ["MCP_CONFIG", "MCP_DATA_DIR"];

/** Paths are of the current folder, which a service may not have. */
function absolute(env: Readonly<Record<string, string>>, cwd: string): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).map(([name, value]) => [
      name,
      pathVariables.includes(name) && !/^(?:~|:memory:$)/.test(value)
        ? resolvePath(cwd, value)
        : value,
    ]),
  );
}
