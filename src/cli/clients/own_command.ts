/** Runs a client's own command that adds a server, such as `claude mcp add`. */
import { oneLine } from "../../one_line.ts";
import { defaultLimits } from "../../limits.ts";
import type { CommandContext } from "../command.ts";
import { CommandError } from "../command_error.ts";
import type { Client, OwnCommandRequest } from "./client_table.ts";
import { copyBeside, readExactly } from "./exact_file.ts";

/** A command line that adds the server, found on this machine. */
export interface ReadyCommand {
  /** The absolute path of the program. */
  readonly path: string;
  /** As a person would type it. */
  readonly shown: readonly string[];
  readonly args: readonly string[];
  /** Arguments that remove the entry of the same name first, where the program wants it. */
  readonly removal?: readonly string[] | undefined;
}

/** The client's command for a request; undefined if it has none, or it is not installed. */
export function readyCommand(
  client: Client,
  request: OwnCommandRequest,
  context: CommandContext,
): ReadyCommand | undefined {
  const own = client.ownCommand;
  // Other accounts may see the arguments of a process.
  const isShort = Object.keys(request.address.headers).length === 0;
  const args = isShort ? own?.add(request) : undefined;
  const path = own === undefined || args === undefined ? undefined : find(own.program, context);
  if (own === undefined || args === undefined || path === undefined) return undefined;
  return {
    path,
    shown: [own.program, ...args],
    args,
    removal: own.remove?.(request.name, request.scope),
  };
}

/**
 * Runs it; throws a CommandError with the program's own words if it fails. If it replaces an entry
 * of `replaced`, a copy of that file is kept. Returns the path of the copy.
 */
export async function runReady(
  { path, args, removal }: ReadyCommand,
  replaced: string | undefined,
  context: CommandContext,
): Promise<string | undefined> {
  const { system } = context.platform;
  const before = replaced === undefined ? undefined : await readExactly(system, replaced);
  if (replaced === undefined || before === undefined) {
    await run(path, args, context);
    return undefined;
  }
  const backup = await copyBeside(system, replaced, before, new Date());
  try {
    if (removal !== undefined) await run(path, removal, context);
    await run(path, args, context);
  } catch (fault) {
    const words = fault instanceof Error ? fault.message : String(fault);
    const message = `${words}; ${replaced} as it was: ${backup}`;
    throw new CommandError("failed", message, { cause: fault });
  }
  return backup;
}

async function run(path: string, args: readonly string[], context: CommandContext): Promise<void> {
  const { system, cwd } = context.platform;
  const outcome = await system.run(path, {
    args,
    env: context.platform.runtime.env,
    cwd,
    withinMs: defaultLimits.ownCommandMs,
    outputBytesMax: defaultLimits.ownCommandBytesMax,
  });
  if (outcome.code === 0) return;
  const words = oneLine(outcome.stderr || outcome.stdout, defaultLimits.ownCommandCharsMax);
  const reason = outcome.isLate
    ? "it did not end in time"
    : words || `it ended with ${outcome.code}`;
  throw new CommandError("failed", `Cannot run ${path} ${args.slice(0, 2).join(" ")}: ${reason}`);
}

/** The program on PATH. On Windows only programs that need no shell. */
function find(program: string, { platform, env }: CommandContext): string | undefined {
  const { system } = platform;
  const isWindows = system.platform === "win32";
  const path = env["PATH"] ?? env["Path"] ?? "";
  for (const folder of path.split(isWindows ? ";" : ":")) {
    if (folder === "") continue;
    const candidate = `${folder}${isWindows ? "\\" : "/"}${program}${isWindows ? ".exe" : ""}`;
    const facts = system.describe(candidate);
    if (facts?.kind === "file" && (isWindows || (facts.mode & 0o111) !== 0)) return candidate;
  }
  return undefined;
}
