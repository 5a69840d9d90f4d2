/**
 * The program on any runtime: reads the command line, makes what every command gets, runs the
 * command, and turns its failure into one error text and an exit code.
 */
import { ConfigError } from "../config/config_error.ts";
import { readCommandLine } from "./command_line.ts";
import type { CommandContext } from "./command.ts";
import { CommandError } from "./command_error.ts";
import { commands } from "./commands.ts";
import { type ExitCode, exitCodes } from "./exit_codes.ts";
import type { Platform } from "./platform.ts";
import { onStopSignals } from "./signals.ts";
import { createTerminal, type Terminal } from "./terminal.ts";
import { readSurroundings } from "./surroundings.ts";
import { readVariableFlags } from "./variable_flags.ts";

/** Runs the command that the arguments name; the program exits by itself. */
export async function runProgram(platform: Platform): Promise<void> {
  const { runtime, system } = platform;
  const interrupted = new AbortController();
  const terminal = createTerminal(system, runtime.env, interrupted.signal);
  let isJson = ownArgs(platform.args).includes("--json");
  try {
    const line = readCommandLine(platform.args, commands);
    if (line.kind === "show") {
      terminal.print(line.text);
      return await exit(platform, terminal, exitCodes.ok);
    }
    isJson = line.values.flag("json");
    // A gateway stops by itself.
    if (line.command.name !== "start") abortOnSignals(platform, interrupted);
    const context: CommandContext = {
      platform,
      terminal,
      ...await readSurroundings(platform, readVariableFlags(line.values)),
      json: isJson,
      yes: line.values.flag("yes"),
      signal: interrupted.signal,
    };
    const code = await (await line.command.load())(context, line.values);
    if (code !== undefined) await exit(platform, terminal, code);
  } catch (fault) {
    const { code, reason, message } = describeFault(fault);
    terminal.note(isJson ? JSON.stringify({ error: { code: reason, message } }) : message);
    await exit(platform, terminal, code);
  }
}

/** The arguments of the program itself: what follows `--` belongs to another one. */
function ownArgs(args: readonly string[]): readonly string[] {
  const end = args.indexOf("--", 1);
  return end < 0 ? args : args.slice(0, end);
}

/** Everything printed leaves the program first; a result that was not written is a failure. */
async function exit(platform: Platform, terminal: Terminal, code: ExitCode): Promise<void> {
  await terminal.flush();
  const fault = terminal.fault();
  if (fault === undefined) return platform.exit(code);
  terminal.note(`Cannot write the result: ${fault instanceof Error ? fault.message : fault}`);
  await terminal.flush();
  platform.exit(code === exitCodes.ok ? exitCodes.failed : code);
}

function describeFault(fault: unknown) {
  const message = fault instanceof Error ? fault.message : String(fault);
  if (fault instanceof CommandError) return { code: fault.exitCode, reason: fault.reason, message };
  if (fault instanceof ConfigError) return { code: exitCodes.usage, reason: "usage", message };
  return { code: exitCodes.failed, reason: "failed", message };
}

/** Aborts on the first signal; the second ends the program at once. */
function abortOnSignals(platform: Platform, interrupted: AbortController): void {
  const leave = () => platform.exit(exitCodes.interrupted);
  onStopSignals(platform, { first: () => interrupted.abort(), again: leave, hangUp: leave });
}
