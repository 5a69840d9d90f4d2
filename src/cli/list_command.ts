/** `list`: the configured servers, whether or not a gateway runs. */
import type { CommandContext } from "./command.ts";
import { type ExitCode, exitCodes } from "./exit_codes.ts";
import { printResult } from "./output.ts";
import { withServers } from "./server_steering.ts";
import { type Cell, toTable, wrap } from "./table.ts";

const sources: Readonly<Record<string, string>> = { file: "mcp.json" };

/** Prints the servers, where each is configured, what it is, and why one cannot be used. */
export async function runList(context: CommandContext): Promise<ExitCode> {
  await withServers(context, async (steering) => {
    const servers = await steering.list();
    const { gateway, configPath } = steering;
    const { terminal } = context;
    const value = { running: gateway !== undefined, config: configPath, servers };
    printResult(context, value, () => {
      if (servers.length === 0) return [`No server is configured in ${configPath} or the registry`];
      const rows = servers.map(({ name, kind, source, enabled, target = "" }): Cell[] => [
        { text: name, style: "strong" },
        kind,
        sources[source] ?? source,
        enabled ? "yes" : { text: "no", style: "faint" },
        target,
      ]);
      const columns = [
        { title: "NAME", isCut: true },
        { title: "KIND" },
        { title: "FROM" },
        { title: "ENABLED" },
        { title: "TARGET", isCut: true },
      ];
      return [
        ...toTable(columns, rows, terminal),
        ...servers.flatMap(({ name, problem }) =>
          problem === undefined ? [] : ["", ...wrap(`${name}: ${problem}`, terminal.width)]
        ),
      ];
    });
  });
  return exitCodes.ok;
}
