/**
 * `approve`: accepts changed tools as they are now. It shows what it approves, and approves exactly
 * that: a tool that changes again meanwhile stays as it is.
 */
import type { ToolChangeView } from "./change_forms.ts";
import { confirm } from "./clients/confirmation.ts";
import type { CommandContext, CommandValues } from "./command.ts";
import { CommandError } from "./command_error.ts";
import { type ExitCode, exitCodes } from "./exit_codes.ts";
import { unknownName } from "./found_names.ts";
import { printDone } from "./output.ts";
import { count } from "./table.ts";
import { withToolChanges } from "./tool_changes.ts";
import { toDifferenceLines } from "./tool_difference.ts";

/** Approves tools of a server: those that are named, or all that changed. */
export async function runApprove(
  context: CommandContext,
  values: CommandValues,
): Promise<ExitCode> {
  const server = values.argument("NAME") ?? "";
  await withToolChanges(context, server, async ({ list, approve, isRunning }) => {
    const all = (await list()).filter((change) => change.server === server);
    const chosen = chooseTools(all, values.rest);
    if (chosen.length === 0) {
      return printDone(context, { server, approved: [] }, [`No tool of "${server}" has changed`]);
    }
    await assertAgreed(context, chosen);
    const approved = await approve(server, chosen.map(({ id }) => id));
    const now = isRunning ? "" : "; they are offered when the gateway starts";
    printDone(context, { server, approved }, [
      `Approved ${count(approved.length, "tool")} of "${server}": ${approved.join(", ")}${now}`,
    ]);
  });
  return exitCodes.ok;
}

function chooseTools(
  changes: readonly ToolChangeView[],
  names: readonly string[],
): readonly ToolChangeView[] {
  const known = changes.map(({ tool }) => tool);
  const missing = names.find((name) => !known.includes(name));
  if (missing !== undefined) throw unknownName("changed tool", missing, known);
  return names.length === 0 ? changes : changes.filter(({ tool }) => names.includes(tool));
}

async function assertAgreed(
  context: CommandContext,
  changes: readonly ToolChangeView[],
): Promise<void> {
  const { terminal, yes, json } = context;
  if (!yes && !json) {
    for (const change of changes) {
      for (const line of toDifferenceLines(change, terminal, Date.now())) terminal.note(line);
    }
  }
  const what = changes.length === 1 ? "this change" : `these ${changes.length} changes`;
  if (await confirm(context, `Approve ${what}?`)) return;
  throw new CommandError("needsPerson", "Nothing was approved");
}
