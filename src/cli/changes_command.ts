/** `changes`: the tools that are not as they were first seen, with the difference. */
import { identity } from "../version.ts";
import type { CommandContext, CommandValues } from "./command.ts";
import { type ExitCode, exitCodes } from "./exit_codes.ts";
import { printResult } from "./output.ts";
import { withToolChanges } from "./tool_changes.ts";
import { toDifferenceLines } from "./tool_difference.ts";

/** Prints the changes of one server, or of all. */
export async function runChanges(
  context: CommandContext,
  values: CommandValues,
): Promise<ExitCode> {
  const name = values.argument("NAME");
  const all = await withToolChanges(context, name, ({ list }) => list());
  const changes = all.filter(({ server }) => name === undefined || server === name);
  const { terminal } = context;
  printResult(context, { changes }, () => {
    if (changes.length === 0) return ["All tools are as they were first seen, or were approved"];
    const servers = [...new Set(changes.map(({ server }) => server))];
    return [
      ...changes.flatMap((change) => [...toDifferenceLines(change, terminal, Date.now()), ""]),
      ...servers.map((server) => `Approve them with: ${identity.name} approve ${server}`),
    ];
  });
  return exitCodes.ok;
}
