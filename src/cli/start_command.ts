/** `start`: runs the gateway until a signal stops it. */
import type { CommandContext, CommandValues } from "./command.ts";
import { startGateway } from "./start/run_gateway.ts";

/** Resolves when the gateway serves; the program ends by a signal. */
export async function runStart(
  context: CommandContext,
  values: CommandValues,
): Promise<undefined> {
  const untilUnattached = values.flag("untilUnattached");
  await startGateway(context.platform, context, { untilUnattached });
}
