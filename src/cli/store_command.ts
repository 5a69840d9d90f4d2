/** `store copy`: copies what is stored between the data folder and the engine of MCP_STORE. */
import { type CopyDirection, copyEngine } from "../app/copy_engine.ts";
import { findGateway } from "./admin_client.ts";
import type { CommandContext, CommandValues } from "./command.ts";
import { CommandError } from "./command_error.ts";
import { readConfiguration } from "./configuration.ts";
import { type ExitCode, exitCodes } from "./exit_codes.ts";
import { printDone } from "./output.ts";
import { withProgress } from "./progress_line.ts";

const directions: Readonly<Record<string, CopyDirection>> = {
  "sqlite redis": "to-engine",
  "redis sqlite": "from-engine",
};

/** Copies in the direction that the arguments name. */
export async function runStore(context: CommandContext, values: CommandValues): Promise<ExitCode> {
  const action = values.argument("ACTION") ?? "";
  if (action !== "copy") {
    throw new CommandError("usage", `Cannot run "store ${action}": expected copy`);
  }
  const way = `${values.argument("FROM")} ${values.argument("TO")}`;
  const direction = Object.hasOwn(directions, way) ? directions[way] : undefined;
  if (direction === undefined) {
    throw new CommandError(
      "usage",
      `Cannot copy from ${way.replace(" ", " to ")}: expected "sqlite redis" or "redis sqlite"`,
    );
  }
  if (await findGateway(context) !== undefined) {
    throw new CommandError("failed", "Cannot copy while the gateway runs: stop it first");
  }
  const { config } = await readConfiguration(context);
  const { runtime, limits = {} } = context.platform;
  const { copied, unreadable, kept } = await withProgress(
    context,
    `Copying from ${way.replace(" ", " to ")}`,
    () => copyEngine({ config, runtime, limits, console: context.terminal.note }, direction),
  );
  const rows = Object.entries(copied).filter(([, count]) => count > 0);
  printDone(context, { copied, unreadable, kept }, [
    rows.length === 0
      ? "There was nothing to copy"
      : `Copied ${rows.map(([name, count]) => `${count} ${name}`).join(", ")}`,
    ...(kept === 0 ? [] : [`Kept ${kept} keys or users that were there already`]),
    ...(unreadable === 0 ? [] : [`Left out ${unreadable} rows that were sealed with another key`]),
  ]);
  return exitCodes.ok;
}
