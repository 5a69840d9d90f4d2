/** `page`: asks the running gateway for a link to the operator's page, prints it and opens it. */
import { identity } from "../version.ts";
import { requireGateway } from "./admin_client.ts";
import type { CommandContext, CommandValues } from "./command.ts";
import { type ExitCode, exitCodes } from "./exit_codes.ts";
import { openBrowser } from "./open_browser.ts";
import { printResult } from "./output.ts";

/** Makes a link. The browser is opened at a terminal alone. */
export async function runPage(context: CommandContext, values: CommandValues): Promise<ExitCode> {
  const gateway = await requireGateway(context);
  const link = await gateway.makePageLink();
  const isOpened = !values.flag("noBrowser") && !context.json &&
    await openBrowser(context, link.url);
  if (!context.json) {
    context.terminal.note(
      isOpened
        ? `A browser opens. If it does not, open this link; if it was used, run ${identity.name} page again:`
        : "Open this link in a browser (it works once, for ten minutes):",
    );
  }
  printResult(context, link, () => [link.url]);
  return exitCodes.ok;
}
