/**
 * What a command is: a row of data, from which the help and the parsing are made, and a function
 * that is loaded when the command is used. `commands.ts` has the rows.
 */
import type { ExitCode } from "./exit_codes.ts";
import type { Platform } from "./platform.ts";
import type { Surroundings } from "./surroundings.ts";
import type { Terminal } from "./terminal.ts";

/** A positional argument. */
export interface CommandArgument {
  /** In capitals, such as NAME. */
  readonly name: string;
  readonly meaning: string;
  readonly isRequired: boolean;
  /** Takes all that follow, those after `--` included; only the last argument can. */
  readonly isMany?: boolean;
}

/** A flag. */
export interface CommandOption {
  /** As the help shows it: `--follow`, `-f, --follow` or `--port PORT`, where a value follows. */
  readonly flags: string;
  readonly meaning: string;
  /** Whether the help leaves it out, because only other programs use it. */
  readonly isHidden?: boolean;
  /** Whether it may stand several times; its value is then a list. */
  readonly isMany?: boolean;
}

/** One command. */
export interface Command {
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  readonly arguments: readonly CommandArgument[];
  readonly options: readonly CommandOption[];
  /** Whole command lines for its help, without the program's name. */
  readonly examples: readonly string[];
  /** Loads the function that runs it. */
  readonly load: () => Promise<RunCommand>;
}

/** The arguments and flags of one run, by their names in lower camel case (`--dry-run`: dryRun). */
export interface CommandValues {
  /** Undefined if an optional argument is absent. */
  argument(name: string): string | undefined;
  /** The values of the argument that takes all that follow. */
  rest: readonly string[];
  /** The value of a flag with one; undefined if absent. */
  option(name: string): string | undefined;
  /** The values of a flag that may stand several times. */
  optionList(name: string): readonly string[];
  /** Whether a flag without a value is given. */
  flag(name: string): boolean;
}

/** What every command gets. */
export interface CommandContext extends Surroundings {
  readonly platform: Platform;
  readonly terminal: Terminal;
  /** Whether results are printed as JSON. */
  readonly json: boolean;
  /** Whether `--yes` answers every question. */
  readonly yes: boolean;
  /** Aborts on Ctrl-C or SIGTERM; `start` handles signals itself. */
  readonly signal: AbortSignal;
}

/**
 * Runs a command. Resolves with the exit code; undefined if the program continues and ends by
 * itself, as `start` does. A `CommandError` or `ConfigError` that it throws becomes one error text
 * and an exit code.
 */
export type RunCommand = (
  context: CommandContext,
  values: CommandValues,
) => Promise<ExitCode | undefined>;
