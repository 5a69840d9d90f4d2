/**
 * Where commands read and change who may connect: at the gateway that runs on the data folder, or in
 * its store while none runs.
 */
import { AccessError, openAccess } from "../app.ts";
import { noDirectory } from "../config/places.ts";
import { findGateway } from "./admin_client.ts";
import type { AccessCalls } from "./admin_forms.ts";
import type { CommandContext } from "./command.ts";
import { CommandError } from "./command_error.ts";
import { readConfiguration } from "./configuration.ts";
import type { exitCodes } from "./exit_codes.ts";

/** Who may connect, and whether a gateway uses it now. */
export interface OpenedAccess extends AccessCalls {
  readonly isRunning: boolean;
  /** The folder that the change is stored in, for a gateway that starts later; undefined: one runs. */
  readonly folder: string | undefined;
  /** The kinds of authentication of the gateway; undefined if an older one runs. */
  readonly kinds: readonly string[] | undefined;
  /** The URL of the gateway for browsers, without a slash at its end. */
  readonly url: string;
}

/** Opens it for a piece of work; `mayCreate`: it makes a database where there is none. */
export async function withAccess<Value>(
  context: CommandContext,
  mayCreate: boolean,
  work: (access: OpenedAccess) => Promise<Value>,
): Promise<Value> {
  const gateway = await findGateway(context);
  if (gateway !== undefined) {
    const { auth, publicUrl, url } = await gateway.status();
    const { keys, users, clients, grants } = gateway;
    const calls = { keys, users, clients, grants };
    return await work({
      ...calls,
      isRunning: true,
      folder: undefined,
      kinds: auth,
      url: publicUrl ?? url,
    });
  }
  const { platform: { runtime, limits }, terminal } = context;
  const { config } = await readConfiguration(context);
  if (mayCreate && config.dataDirectory === noDirectory) {
    throw new CommandError(
      "usage",
      "Cannot keep a change with MCP_DATA_DIR=:memory:; name a folder for the data",
    );
  }
  // Reading must not make a database where there is none.
  const isThere = mayCreate || runtime.exists(`${config.dataDirectory}/mcp-wrapper.db`);
  const { close, ...opened } = await openAccess({
    config: isThere ? config : { ...config, dataDirectory: noDirectory, store: "memory" },
    runtime,
    console: terminal.note,
    ...(limits === undefined ? {} : { limits }),
  });
  try {
    return await translated(work({
      ...opened,
      isRunning: false,
      folder: config.dataDirectory,
      kinds: config.auth?.kinds ?? [],
      url: config.publicUrl ?? `http://localhost:${config.port}`,
    }));
  } finally {
    await close();
  }
}

/**
 * What to know where no gateway runs: another folder of files, for instance that of an `mcp.json`
 * which is made afterwards, has its own keys and users.
 */
export function folderNotes({ folder }: OpenedAccess): readonly string[] {
  return folder === undefined
    ? []
    : [`No gateway runs; stored for one with the data folder ${folder}`];
}

/** The exit codes of what is refused. */
const reasons: Readonly<Record<string, keyof typeof exitCodes>> = {
  access_unknown: "notFound",
  access_taken: "usage",
  access_invalid: "usage",
  access_full: "failed",
};

/** The same result; a refusal becomes an error of the command. */
async function translated<Value>(work: Promise<Value>): Promise<Value> {
  try {
    return await work;
  } catch (fault) {
    if (!(fault instanceof AccessError)) throw fault;
    throw new CommandError(reasons[fault.code] ?? "failed", fault.message, { cause: fault });
  }
}
