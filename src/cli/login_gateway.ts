/**
 * Where commands read and change log-ins at servers: at the gateway that runs on the data folder, or
 * at one in this process while none runs. That one has the stored grants and starts no server; for a
 * log-in it serves the pages of log-ins, and nothing else, on a loopback port.
 */
import { AccessError, createGateway, type GatewayHandle } from "../app.ts";
import type { GatewayConfig } from "../config/config.ts";
import { noDirectory } from "../config/places.ts";
import type { Listener, ListenFault } from "../runtime/runtime.ts";
import { findGateway } from "./admin_client.ts";
import type { LoginCalls } from "./admin_forms.ts";
import type { CommandContext } from "./command.ts";
import { CommandError } from "./command_error.ts";
import { readConfiguration } from "./configuration.ts";
import type { exitCodes } from "./exit_codes.ts";

/** Log-ins, and whether a gateway uses them now. */
export interface OpenedLogins extends LoginCalls {
  readonly isRunning: boolean;
}

const host = "127.0.0.1";
const folderMode = 0o700;

/** Opens them for a piece of work; `logsIn`: a person logs in meanwhile, and a grant is stored. */
export async function withLogins<Value>(
  context: CommandContext,
  logsIn: boolean,
  work: (logins: OpenedLogins) => Promise<Value>,
): Promise<Value> {
  const running = await findGateway(context);
  if (running !== undefined) return await work({ ...running.logins, isRunning: true });
  const { platform: { runtime, system, limits }, env } = context;
  const { config, configPath } = await readConfiguration(context);
  if (logsIn) {
    if (config.dataDirectory === noDirectory) {
      throw new CommandError(
        "usage",
        "Cannot keep a log-in with MCP_DATA_DIR=:memory:; name a folder for the data",
      );
    }
    system.makeFolder(config.dataDirectory, folderMode);
  }
  // Reading must not make a database where there is none.
  const isThere = logsIn || runtime.exists(`${config.dataDirectory}/mcp-wrapper.db`);
  const gateway = await createGateway({
    config: isThere ? toLocal(config) : inMemory(toLocal(config)),
    runtime,
    reading: { path: configPath, env },
    ...(limits === undefined ? {} : { limits }),
  });
  let listener: Listener | undefined;
  try {
    if (logsIn) listener = await listen(context, gateway, config.port);
    return await translated(work({ ...gateway.logins, isRunning: false }));
  } finally {
    await listener?.close(gateway.limits.browserStartMs);
    await gateway.close();
  }
}

/** The same gateway without a public URL, whose pages are those of a gateway that runs. */
function toLocal({ publicUrl: _elsewhere, ...config }: GatewayConfig): GatewayConfig {
  return { ...config, host, port: 0, tryServers: false };
}

function inMemory(config: GatewayConfig): GatewayConfig {
  return { ...config, dataDirectory: noDirectory, store: "memory" };
}

/** The pages of log-ins, here and at the gateway itself, which may want to know the person first. */
const pages = /^\/oauth\//;

/**
 * Serves the pages; on the port that the gateway would have if it is free, since a client that was
 * registered by hand may be bound to it.
 */
async function listen(
  { platform: { runtime } }: CommandContext,
  gateway: GatewayHandle,
  port: number,
): Promise<Listener> {
  const { limits } = gateway;
  const options = {
    hostname: host,
    listener: "fast",
    bodyBytesMax: limits.formBytesMax,
    limits,
    fetch: (request: Request, fetchContext: Parameters<GatewayHandle["fetch"]>[1]) =>
      pages.test(new URL(request.url).pathname)
        ? gateway.fetch(request, fetchContext)
        : Promise.resolve(new Response("Not found", { status: 404 })),
  } as const;
  const listener = await runtime.serve({ ...options, port }).catch((fault) => {
    if (!(fault as ListenFault).isTaken) throw fault;
    return runtime.serve({ ...options, port: 0 });
  });
  gateway.listensAt(`http://${host}:${listener.port}`);
  return listener;
}

/** The exit codes of what is refused. */
const reasons: Readonly<Record<string, keyof typeof exitCodes>> = {
  access_unknown: "notFound",
  access_invalid: "usage",
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
