/** `drain`: one of several instances hands its sessions over to the others, and stops. */
import { requireGateway } from "./admin_client.ts";
import type { CommandContext, CommandValues } from "./command.ts";
import type { GatewayView } from "./admin_forms.ts";
import { CommandError } from "./command_error.ts";
import { type ExitCode, exitCodes } from "./exit_codes.ts";
import { printDone } from "./output.ts";

/** The instance that the command found. */
function nameOfOwn({ instances = [] }: GatewayView): string {
  const own = instances.find(({ isThis }) => isThis);
  if (own !== undefined) return own.name;
  throw new CommandError(
    "failed",
    "Cannot drain this gateway: it is no instance of several; stop it instead",
  );
}

/** Drains an instance. */
export async function runDrain(context: CommandContext, values: CommandValues): Promise<ExitCode> {
  const gateway = await requireGateway(context);
  const instance = values.argument("INSTANCE") ?? nameOfOwn(await gateway.status());
  await gateway.drain(instance);
  printDone(context, { instance }, [
    `Instance "${instance}" hands its sessions over and stops`,
  ]);
  return exitCodes.ok;
}
