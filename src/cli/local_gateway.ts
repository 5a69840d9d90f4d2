/**
 * A gateway inside the command line, which serves no client: it calls, tests and lists servers while
 * no gateway runs, and relays the calls of a command to the one that runs. It keeps nothing and ends
 * with the command.
 */
import { createGateway, type GatewayHandle } from "../app.ts";
import type {
  GatewayConfig,
  HttpServerConfig,
  ServerConfig,
  StdioServerConfig,
} from "../config/config.ts";
import type { StartConfig } from "../config/environment.ts";
import { isOfKind } from "../config/server_kind.ts";
import { defaultLimits } from "../limits.ts";
import { noDirectory } from "../config/places.ts";
import type { RunningGateway } from "./admin_client.ts";
import type { CommandContext } from "./command.ts";
import { keepToOwnPackages } from "./own_packages.ts";
import { endpointOf, type SurfaceChoice } from "./surface_choice.ts";

/** The one server of a gateway that relays: the running gateway itself. */
const relayName = "gateway";

/** A surface of a running gateway. */
export async function openRelay(
  { platform: { runtime, limits } }: CommandContext,
  { adminUrl, authorization }: RunningGateway,
  choice: SurfaceChoice,
): Promise<{ readonly gateway: GatewayHandle; readonly surface: string }> {
  const server: HttpServerConfig = {
    kind: "http",
    name: relayName,
    url: `${adminUrl}/admin${endpointOf(choice)}`,
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
  return { gateway, surface: `/servers/${relayName}` };
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

/** A gateway for some of the servers that are configured here. */
export async function openServersHere(
  { env, places, platform: { runtime, system, limits } }: CommandContext,
  { config, configPath }: Pick<StartConfig, "config" | "configPath">,
  servers: readonly ServerConfig[],
): Promise<GatewayHandle> {
  if (servers.some((server) => cwdOf(server) === config.dataDirectory)) {
    system.makeFolder(config.dataDirectory, 0o700);
    await keepToOwnPackages(runtime, places);
  }
  // What asks for no log-in needs none of the store, and nothing makes one.
  const hasGrants = servers.some(mayNeedLogin) &&
    runtime.exists(`${config.dataDirectory}/mcp-wrapper.db`);
  const isKept = hasGrants || servers.some(needsStore);
  // The pages at this URL are those of another gateway.
  const { publicUrl: _elsewhere, ...own } = config;
  return await createGateway({
    config: isKept ? { ...own, servers, disabled: [], tryServers: false } : {
      ...inMemory(servers, config.secrets),
      names: config.names,
      profiles: config.profiles,
    },
    runtime,
    reading: { path: configPath, env },
    ...(limits === undefined ? {} : { limits }),
  });
}

/** The folder in which a program runs. */
function cwdOf(server: ServerConfig): string | undefined {
  return isOfKind<StdioServerConfig>(server, "stdio") ? server.cwd : undefined;
}

/** Whether a server may need a grant, which is in the store. */
function mayNeedLogin(server: ServerConfig): boolean {
  return isOfKind<HttpServerConfig>(server, "http") && server.oauth !== undefined;
}

/** Whether a server has tokens in the store that replace those of its configuration. */
function needsStore(server: ServerConfig): boolean {
  return JSON.stringify(server).includes('"grant":"refresh_token"');
}
