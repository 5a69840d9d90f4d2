/**
 * Where commands read and approve changes of tools: at the gateway that runs on the data folder, or
 * in its store while none runs.
 */
import { openChangedTools } from "../app.ts";
import { noDirectory } from "../config/places.ts";
import { findGateway } from "./admin_client.ts";
import type { ToolChangeCalls } from "./change_forms.ts";
import type { CommandContext } from "./command.ts";
import { findServer } from "./found_names.ts";
import { readServersHere, translated } from "./server_steering.ts";

/** The changes, and whether a gateway runs that offers the tools. */
export interface OpenedChanges extends ToolChangeCalls {
  readonly isRunning: boolean;
}

/** Opens them for a piece of work; throws `notFound` if `name` is given and is no server. */
export async function withToolChanges<Value>(
  context: CommandContext,
  name: string | undefined,
  work: (changes: OpenedChanges) => Promise<Value>,
): Promise<Value> {
  const running = await findGateway(context);
  if (running !== undefined) {
    if (name !== undefined) findServer((await running.status()).servers, name);
    return await work({ ...running.toolChanges, isRunning: true });
  }
  const { platform: { runtime, limits }, terminal } = context;
  const { servers, listed, config } = await readServersHere(context);
  if (name !== undefined) findServer(listed, name);
  // Reading must not make a database where there is none.
  const isThere = runtime.exists(`${config.dataDirectory}/mcp-wrapper.db`);
  const { changes, close } = await openChangedTools({
    config: isThere ? config : { ...config, dataDirectory: noDirectory, store: "memory" },
    runtime,
    console: terminal.note,
    ...(limits === undefined ? {} : { limits }),
  }, servers);
  try {
    return await translated(work({
      isRunning: false,
      list: changes.list,
      approve: (server, ids) => changes.approve(server, { ids }),
    }));
  } finally {
    await close();
  }
}
