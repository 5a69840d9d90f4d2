/** `drain`: one of several instances hands its sessions over to the others, and stops. */
import { requireGateway } from "./admin_client.ts";
import type { CommandContext, CommandValues } from "./command.ts";
import { type ExitCode, exitCodes } from "./exit_codes.ts";
import { printDone } from "./output.ts";

/** Drains an instance. */
export async function runDrain(context: CommandContext, values: CommandValues): Promise<ExitCode> {
  const gateway = await requireGateway(context);
  const instance = values.argument("INSTANCE") ?? "";
  await gateway.drain(instance);
  printDone(context, { instance }, [
    `Instance "${instance}" hands its sessions over and stops`,
  ]);
  return exitCodes.ok;
}
