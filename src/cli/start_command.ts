/** `start`: runs the gateway until a signal stops it. */
import type { CommandContext } from "./command.ts";
import { startGateway } from "./start/run_gateway.ts";

/** Resolves when the gateway serves; the program ends by a signal. */
export async function runStart(context: CommandContext): Promise<undefined> {
  await startGateway(context.platform, context);
}
