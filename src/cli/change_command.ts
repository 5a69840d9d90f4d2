/**
 * `remove`, `enable` and `disable`: change a server of the registry. A server of `mcp.json` belongs
 * to the person who wrote the file, so it is changed only with `--file`.
 */
import type { CommandContext, CommandValues } from "./command.ts";
import { CommandError } from "./command_error.ts";
import { type ExitCode, exitCodes } from "./exit_codes.ts";
import { printDone } from "./output.ts";
import {
  readServerFile,
  type ServerFile,
  withoutServer,
  withServerSwitched,
  writeServerFile,
} from "./server_file.ts";
import { findServer } from "./found_names.ts";
import { type ListedServer, type ServerSteering, withServers } from "./server_steering.ts";

/** One of the three changes. */
interface Change {
  /** What it does, for errors. */
  readonly verb: string;
  /** What it did. */
  readonly done: string;
  /** Whether there is nothing to do. */
  isDone(server: ListedServer): boolean;
  inRegistry(steering: ServerSteering, name: string): Promise<void>;
  /** The text of the file after it. */
  inFile(file: ServerFile, name: string): string;
}

const removal: Change = {
  verb: "remove",
  done: "Removed",
  isDone: () => false,
  inRegistry: (steering, name) => steering.remove(name),
  inFile: (file, name) => withoutServer(file, findServer(file.servers, name)),
};

const enabling: Change = {
  verb: "enable",
  done: "Enabled",
  isDone: ({ enabled }) => enabled,
  inRegistry: (steering, name) => steering.setDisabled(name, false),
  inFile: (file, name) => withServerSwitched(file, findServer(file.servers, name), false),
};

const disabling: Change = {
  verb: "disable",
  done: "Disabled",
  isDone: ({ enabled }) => !enabled,
  inRegistry: (steering, name) => steering.setDisabled(name, true),
  inFile: (file, name) => withServerSwitched(file, findServer(file.servers, name), true),
};

const change = (one: Change) => (context: CommandContext, values: CommandValues) =>
  applyChange(one, context, values);

/** Takes a server out of the registry, or out of the file. */
export const runRemove = change(removal);

/** Switches a server on. */
export const runEnable = change(enabling);

/** Switches a server off; it stays configured. */
export const runDisable = change(disabling);

async function applyChange(
  { verb, done, isDone, inRegistry, inFile }: Change,
  context: CommandContext,
  values: CommandValues,
): Promise<ExitCode> {
  const name = values.argument("NAME") ?? "";
  await withServers(context, async (steering) => {
    const { gateway, configPath } = steering;
    const server = findServer(await steering.list(), name);
    assertChangeable(verb, server, configPath, values.flag("file"));
    const changed = !isDone(server);
    if (changed && server.source === "file") {
      const file = await readServerFile(context, configPath);
      await writeServerFile(context, file, inFile(file, name));
      await gateway?.reload();
    } else if (changed) await inRegistry(steering, name);
    const place = server.source === "file" ? configPath : "the registry";
    printDone(context, { name, changed, place, isRunning: gateway !== undefined }, [
      changed
        ? `${done} server "${name}" ${verb === "remove" ? "from" : "in"} ${place}`
        : `Server "${name}" is ${verb}d already`,
    ]);
  });
  return exitCodes.ok;
}

function assertChangeable(
  verb: string,
  { name, source }: ListedServer,
  configPath: string,
  isFile: boolean,
): void {
  if (source === "built-in") {
    throw new CommandError(
      "usage",
      `Cannot ${verb} server "${name}": it is built in, and there only while no other server is ` +
        "configured",
    );
  }
  if (source === "file" && !isFile) {
    throw new CommandError(
      "usage",
      `Cannot ${verb} server "${name}": it is in ${configPath}; change that file by --file, ` +
        "or edit it yourself",
    );
  }
  if (source !== "file" && isFile) {
    throw new CommandError(
      "usage",
      `Cannot ${verb} server "${name}" in ${configPath}: it is in the registry; leave out --file`,
    );
  }
}
