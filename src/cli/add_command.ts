/** `add`: adds a server to the registry, or with `--file` to the `mcp.json` of a person. */
import type { FailedServerConfig } from "../config/config.ts";
import { isOfKind } from "../config/server_kind.ts";
import { identity } from "../version.ts";
import type { CommandContext, CommandValues } from "./command.ts";
import { CommandError } from "./command_error.ts";
import { readConfiguration } from "./configuration.ts";
import { toEntry } from "./entry_arguments.ts";
import { type ExitCode, exitCodes } from "./exit_codes.ts";
import { printDone } from "./output.ts";
import { toShellWord } from "./server_advice.ts";
import { readServerFile, withServer, writeServerFile } from "./server_file.ts";
import { type ServerSteering, withServers } from "./server_steering.ts";
import { withoutSecrets } from "./shown_entry.ts";

/** Adds a server, and says how to try it. */
export async function runAdd(context: CommandContext, values: CommandValues): Promise<ExitCode> {
  const name = values.argument("NAME") ?? "";
  const entry = toEntry(context, values);
  const isReplaced = values.flag("replace");
  const toFile = values.flag("file");
  await withServers(context, async (steering) => {
    const known = (await steering.list()).find((server) => server.name === name);
    // The built-in servers give way to all that are configured.
    if (known !== undefined && known.source !== "built-in") {
      assertReplaceable(name, known.source, steering.configPath, { isReplaced, toFile });
    }
    const warnings = toFile
      ? await addToFile(context, steering, name, entry)
      : (await steering.put(name, entry)).warnings ?? [];
    for (const warning of warnings) context.terminal.note(warning);
    const place = toFile ? steering.configPath : "the registry";
    const isRunning = steering.gateway !== undefined;
    printDone(context, { name, entry: withoutSecrets(entry), place, isRunning }, [
      `${known === undefined ? "Added" : "Replaced"} server "${name}" ${
        known === undefined ? "to" : "in"
      } ${place}` +
      (isRunning ? "" : "; no gateway runs, the next one has it"),
      `Try it: ${identity.name} test ${toShellWord(name)}`,
    ]);
  }, { mayCreate: !toFile, makesFile: toFile });
  return exitCodes.ok;
}

function assertReplaceable(
  name: string,
  source: string,
  configPath: string,
  { isReplaced, toFile }: { readonly isReplaced: boolean; readonly toFile: boolean },
): void {
  const inFile = source === "file";
  const place = inFile ? configPath : "the registry";
  if (inFile && !toFile) {
    throw new CommandError(
      "usage",
      `Cannot add server "${name}": ${place} has one of this name; edit that file, ` +
        "or use --file --replace",
    );
  }
  if (isReplaced) return;
  throw new CommandError(
    "usage",
    `Cannot add server "${name}": ${place} has one of this name; use --replace, or another name`,
  );
}

/** Writes the entry into the file, if the gateway could read it there. Returns its warnings. */
async function addToFile(
  context: CommandContext,
  { gateway, configPath }: ServerSteering,
  name: string,
  entry: unknown,
): Promise<readonly string[]> {
  const file = await readServerFile(context, configPath);
  const text = withServer(file, name, entry);
  const unchanged = file.text.trim() === "" ? "{}" : file.text;
  const { config: before } = await readConfiguration(context, {
    path: configPath,
    text: unchanged,
  });
  const { config } = await readConfiguration(context, { path: configPath, text });
  const server = config.servers.find((one) => one.name === name);
  if (server !== undefined && isOfKind<FailedServerConfig>(server, "failed")) {
    throw new CommandError("usage", `Cannot use server "${name}": ${server.problem}`);
  }
  await writeServerFile(context, file, text);
  await gateway?.reload();
  return config.warnings.filter((warning) => !before.warnings.includes(warning));
}
