/**
 * The listeners of a started gateway: one for clients, one for the admin API, and one for other
 * instances if they share a store, each on an address of its own.
 */
import type { GatewayHandle } from "../../app.ts";
import { ConfigError } from "../../config/config_error.ts";
import type { StartConfig } from "../../config/environment.ts";
import { isLoopback } from "../../config/loopback.ts";
import type { Listener, ListenFault, ServeOptions } from "../../runtime/runtime.ts";
import type { Platform } from "../platform.ts";
import { bindHost, toUrl } from "./listen_address.ts";

/** What the program adds to what the admin API shows and does. */
export interface ProgramFacts {
  readonly startedAt: string;
  /** Reads the configuration again; rejects with an error text. */
  readonly reload: () => Promise<void>;
  /** How clients are connected to the endpoints at this base. */
  readonly clients: (url: string) => Promise<readonly object[]>;
}

/** The open listeners. */
export interface OpenListeners {
  /** The port for clients, which the system may have chosen. */
  readonly port: number;
  /** The base of the MCP endpoints, without a path. */
  readonly url: string;
  /** The base of the admin API, without a path; undefined if it is off. */
  readonly adminUrl: string | undefined;
  /** Closes all as `Listener.close` does. */
  close(graceMs: number): Promise<void>;
}

/** Throws if no program could attach itself to a gateway with this configuration. */
export function assertAttachable({ admin }: StartConfig): void {
  if (admin.isOn) return;
  throw new ConfigError([
    "Cannot use --until-unattached: the admin API is off; " +
    "use a data folder (MCP_DATA_DIR), and leave MCP_ADMIN out",
  ]);
}

/** Opens all. Rejects with an error text; then the gateway is closed, and no listener is open. */
export async function openListeners(
  platform: Platform,
  gateway: GatewayHandle,
  start: StartConfig,
  facts: ProgramFacts,
): Promise<OpenListeners> {
  const open: Listener[] = [];
  const close = async (graceMs: number) => {
    await Promise.all(open.map((listener) => listener.close(graceMs)));
  };
  try {
    const internal = await openInternal(platform, gateway, start);
    if (internal !== undefined) open.push(internal);
    const { host, port } = start.config;
    const fetch = gateway.fetch;
    const own = await platform.runtime.serve(
      serveOptions(platform, gateway, start, host, { fetch, port }),
    );
    open.push(own);
    const url = toUrl(host, own.port);
    gateway.listensAt(url);
    const admin = await openAdmin(platform, gateway, start, { ...facts, url });
    if (admin !== undefined) open.push(admin.listener);
    return { port: own.port, url, adminUrl: admin?.url, close };
  } catch (fault) {
    await close(0);
    await gateway.close();
    throw fault;
  }
}

/**
 * Opens the listener for other instances, and joins them; undefined if there are none. Clients come
 * later: this instance serves no session before it has its place.
 */
async function openInternal(
  platform: Platform,
  gateway: GatewayHandle,
  start: StartConfig,
): Promise<Listener | undefined> {
  const { internal } = gateway;
  if (internal === undefined) return undefined;
  const given = start.config.internalUrl;
  const { hostname, port } = new URL(given ?? "http://127.0.0.1:0");
  const host = hostname.replace(/^\[|\]$/g, "");
  const listener = await platform.runtime.serve({
    ...serveOptions(platform, gateway, start, host, {
      fetch: internal.fetch,
      port: port === "" ? httpPort : Number(port),
    }),
    bodyBytesMax: gateway.limits.bodyBytesMax + gateway.limits.forwardHeadBytesMax +
      gateway.limits.listenerBodyBytesMax,
    variables: { host: "MCP_INTERNAL_URL", port: "MCP_INTERNAL_URL" },
  });
  try {
    await internal.open(given ?? toUrl(host, listener.port));
    return listener;
  } catch (fault) {
    await listener.close(0);
    throw fault;
  }
}

const httpPort = 80;

/** Opens the API's listener, and then the API; undefined if it is off. */
async function openAdmin(
  platform: Platform,
  gateway: GatewayHandle,
  start: StartConfig,
  { reload, clients, ...program }: ProgramFacts & { readonly url: string },
): Promise<{ readonly url: string; readonly listener: Listener } | undefined> {
  const { admin: { isOn, host, port, isPortSet, maySpawn }, config, configPath } = start;
  const { admin } = gateway;
  if (!isOn || admin === undefined) return undefined;
  const options = serveOptions(platform, gateway, start, host, { fetch: admin.fetch, port });
  const variables = { host: "MCP_ADMIN_HOST", port: "MCP_ADMIN_PORT" };
  const listener = await platform.runtime.serve({ ...options, variables }).catch((fault) => {
    if (isPortSet || !(fault as ListenFault).isTaken) throw fault;
    return platform.runtime.serve({ ...options, variables, port: 0 });
  });
  const url = toUrl(bindHost(host), listener.port);
  admin.open({
    host,
    port: listener.port,
    url,
    // On loopback no other name leads here, except by DNS rebinding.
    allowedHosts: isLoopback(host) ? [] : config.allowedHosts,
    maySpawn,
    program: { pid: platform.system.pid, ...program, adminUrl: url, config: configPath },
    reload,
    readPage: platform.readPage,
    clients: () => clients(program.url),
  });
  return { url, listener };
}

function serveOptions(
  { remoteListener }: Platform,
  { limits }: GatewayHandle,
  { listener }: StartConfig,
  host: string,
  own: Pick<ServeOptions, "fetch" | "port">,
): ServeOptions {
  return {
    ...own,
    hostname: bindHost(host),
    listener: listener ?? (isLoopback(host) ? "fast" : remoteListener),
    bodyBytesMax: limits.bodyBytesMax + limits.listenerBodyBytesMax,
    limits,
  };
}
