/** `start`: runs the gateway until a signal stops it. */
import { lockedWords } from "../store/database.ts";
import { findGateway } from "./admin_client.ts";
import type { CommandContext, CommandValues } from "./command.ts";
import { CommandError } from "./command_error.ts";
import { startGateway } from "./start/run_gateway.ts";

/** Resolves when the gateway serves; the program ends by a signal. */
export async function runStart(
  context: CommandContext,
  values: CommandValues,
): Promise<undefined> {
  const untilUnattached = values.flag("untilUnattached");
  try {
    await startGateway(context.platform, context, { untilUnattached });
  } catch (fault) {
    throw await withRunningGateway(context, fault);
  }
}

/** The fault of a start; where another gateway uses the same data, it says which. */
async function withRunningGateway(context: CommandContext, fault: unknown): Promise<unknown> {
  if (!(fault instanceof Error) || !fault.message.includes(lockedWords)) return fault;
  const running = await findGateway(context).catch(() => undefined);
  if (running === undefined) return fault;
  const { url, pid } = running.file;
  return new CommandError(
    "failed",
    `${fault.message}; a gateway runs already at ${url}/mcp (process ${pid}): ` +
      "mcp-wrapper status shows it",
    { cause: fault },
  );
}
