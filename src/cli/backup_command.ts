/** `backup`: a consistent copy of the database, while a gateway runs and while none does. */
import { systemClock } from "../clock.ts";
import { resolvePath } from "../config/path.ts";
import { defaultLimits } from "../limits.ts";
import { backupDirectory } from "../store/backup.ts";
import { findGateway } from "./admin_client.ts";
import type { CommandContext, CommandValues } from "./command.ts";
import { CommandError } from "./command_error.ts";
import { type ExitCode, exitCodes } from "./exit_codes.ts";
import { printDone } from "./output.ts";
import { withProgress } from "./progress_line.ts";

/** Copies the database to a file that does not exist yet. */
export async function runBackup(context: CommandContext, values: CommandValues): Promise<ExitCode> {
  const { platform } = context;
  const file = resolvePath(platform.cwd, values.argument("FILE") ?? "");
  const { dataDirectory } = context.places;
  const gateway = await findGateway(context);
  await withProgress(context, `Copying to ${file}`, async () => {
    if (gateway !== undefined) return await gateway.backup(file);
    if (!platform.runtime.exists(`${dataDirectory}/mcp-wrapper.db`)) {
      throw new CommandError("notFound", `Cannot back up ${dataDirectory}: it holds no database`);
    }
    const { runtime, limits: own } = platform;
    const limits = { ...defaultLimits, ...own };
    await backupDirectory({ runtime, limits, clock: systemClock }, dataDirectory, file);
  });
  const bytes = platform.system.describe(file)?.bytes ?? 0;
  printDone(context, { file, bytes }, [
    `Copied the database to ${file}`,
    `Its secrets are encrypted with ${dataDirectory}/secret.key (or MCP_SECRET): keep a copy of that, too`,
  ]);
  return exitCodes.ok;
}
