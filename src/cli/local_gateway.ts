/**
 * A gateway inside the command line, which serves no client: it calls, tests and lists servers while
 * no gateway runs, and relays the calls of a command to the one that runs. It keeps nothing and ends
 * with the command.
 */
import { createGateway, type GatewayHandle } from "../app.ts";
import type { GatewayConfig, HttpServerConfig, ServerConfig } from "../config/config.ts";
import { defaultLimits } from "../limits.ts";
import { noDirectory } from "../store/stores.ts";
import type { RunningGateway } from "./admin_client.ts";
import type { CommandContext } from "./command.ts";
import { readConfiguration } from "./configuration.ts";

/** A surface that a command calls, and the end of its gateway. */
export interface CalledSurface {
  readonly gateway: Pick<GatewayHandle, "call" | "servers" | "registry">;
  readonly surface: string;
  close(): Promise<void>;
}

/** The one server of a gateway that relays: the running gateway itself. */
const relayName = "gateway";

/** The surface of all servers, or of one, of a running gateway. */
export async function openRelay(
  { platform: { runtime, limits } }: CommandContext,
  { adminUrl, authorization }: RunningGateway,
  name?: string,
): Promise<CalledSurface> {
  const path = name === undefined ? "" : `/servers/${encodeURIComponent(name)}`;
  const server: HttpServerConfig = {
    kind: "http",
    name: relayName,
    url: `${adminUrl}/admin${path}/mcp`,
    headers: { authorization },
    credentials: { type: "none" },
    transport: "streamable",
    isolation: "session",
    identify: false,
    roots: "none",
    era: "auto",
    tools: {},
    start: "onDemand",
    keepAlive: false,
    // The running gateway has the limits of the server.
    callTimeoutMs: defaultLimits.callMsMax,
    startTimeoutMs: defaultLimits.startMs,
    idleTimeoutMs: defaultLimits.idleMs,
  };
  const gateway = await createGateway({
    config: inMemory([server], [authorization]),
    runtime,
    ...(limits === undefined ? {} : { limits }),
  });
  return { gateway, surface: `/servers/${relayName}`, close: gateway.close };
}

/** A configuration of these servers that keeps nothing, and starts nothing before it is called. */
function inMemory(
  servers: readonly ServerConfig[],
  secrets: readonly string[],
): GatewayConfig {
  return {
    servers,
    names: "auto",
    warnings: [],
    files: [],
    secrets,
    host: "127.0.0.1",
    port: 0,
    dataDirectory: noDirectory,
    store: "memory",
    sessionTimeoutMs: defaultLimits.callMsMax,
    allowedOrigins: [],
    allowedHosts: [],
    logLevel: "ERROR",
    debug: false,
    tryServers: false,
  };
}

/**
 * The servers of the configuration that are not disabled, those of the registry included, and the
 * names of the disabled ones.
 */
export interface ConfiguredHere {
  readonly servers: readonly ServerConfig[];
  readonly disabled: readonly string[];
  readonly config: GatewayConfig;
}

/** A gateway for some of the servers that are configured here. */
export async function openServersHere(
  { platform: { runtime, limits } }: CommandContext,
  { config }: ConfiguredHere,
  servers: readonly ServerConfig[],
): Promise<GatewayHandle> {
  const isKept = servers.some(needsStore);
  return await createGateway({
    config: isKept
      ? { ...config, servers, disabled: [], tryServers: false }
      : { ...inMemory(servers, config.secrets), names: config.names },
    runtime,
    ...(limits === undefined ? {} : { limits }),
  });
}

/** Whether a server has tokens in the store that must not be asked for a second time. */
function needsStore(server: ServerConfig): boolean {
  return JSON.stringify(server).includes('"grant":"refresh_token"');
}

/** A gateway on the own data folder that starts no server: it reads and changes the registry. */
export async function openStoreHere(
  context: CommandContext,
  { mayCreate }: { readonly mayCreate: boolean },
): Promise<GatewayHandle & { readonly config: GatewayConfig }> {
  const { env, platform: { runtime, limits } } = context;
  const { config, configPath } = await readConfiguration(context);
  const { dataDirectory } = config;
  // Reading must not make a database where there is none.
  const isThere = mayCreate || runtime.exists(`${dataDirectory}/mcp-wrapper.db`);
  const own = { ...config, tryServers: false };
  const gateway = await createGateway({
    config: isThere ? own : { ...own, dataDirectory: noDirectory, store: "memory" },
    runtime,
    reading: { path: configPath, env },
    ...(limits === undefined ? {} : { limits }),
  });
  return { ...gateway, config };
}
