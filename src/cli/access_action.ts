/** Commands with actions, such as `keys add NAME`: how one is chosen, and its NAME. */
import type { CommandContext, CommandValues, RunCommand } from "./command.ts";
import { CommandError } from "./command_error.ts";
import { exitCodes } from "./exit_codes.ts";

/** Runs one action. */
export type AccessAction = (context: CommandContext, values: CommandValues) => Promise<void>;

/** The command of these actions; `usual` is the one for a command line that names none. */
export function chooseAction(
  actions: Readonly<Record<string, AccessAction>>,
  usual = "",
): RunCommand {
  return async (context, values) => {
    const name = values.argument("ACTION") ?? usual;
    const action = Object.hasOwn(actions, name) ? actions[name] : undefined;
    if (action === undefined) {
      const known = Object.keys(actions).join(", ");
      throw new CommandError("usage", `Cannot read the action "${name}"; expected ${known}`);
    }
    await action(context, values);
    return exitCodes.ok;
  };
}

/** The argument after the action. Throws a usage error if it is missing. */
export function requireArgument(values: CommandValues, argument: string, of: string): string {
  const value = values.argument(argument);
  if (value !== undefined) return value;
  throw new CommandError(
    "usage",
    `Cannot find the ${argument} of the ${of}; write it after the action`,
  );
}
