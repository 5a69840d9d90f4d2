/** `restart`: ends the connections of a server of the running gateway, and starts it again. */
import { requireGateway } from "./admin_client.ts";
import type { CommandContext, CommandValues } from "./command.ts";
import { type ExitCode, exitCodes } from "./exit_codes.ts";
import { printDone } from "./output.ts";
import { withProgress } from "./progress_line.ts";
import { findServer } from "./found_names.ts";

/** Restarts a server. */
export async function runRestart(
  context: CommandContext,
  values: CommandValues,
): Promise<ExitCode> {
  const gateway = await requireGateway(context);
  const name = values.argument("NAME") ?? "";
  findServer((await gateway.status()).servers, name);
  await withProgress(context, `Restarting ${name}`, () => gateway.restart(name));
  printDone(context, { name }, [`Restarted server "${name}"`]);
  return exitCodes.ok;
}
