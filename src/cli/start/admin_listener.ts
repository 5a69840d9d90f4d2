/**
 * The second listener of a started gateway: its admin API, on an address of its own, and the file
 * by which other programs find both listeners.
 */
import type { GatewayHandle } from "../../app.ts";
import { ConfigError } from "../../config/config_error.ts";
import type { StartConfig } from "../../config/environment.ts";
import { isLoopback } from "../../config/loopback.ts";
import type { Listener, ListenFault, ServeOptions } from "../../runtime/runtime.ts";
import { noDirectory } from "../../store/stores.ts";
import { identity } from "../../version.ts";
import type { Platform } from "../platform.ts";
import { type GatewayFile, gatewayFileMode, gatewayFilePath } from "./gateway_file.ts";
import { bindHost, toUrl } from "./listen_address.ts";

/** The program that the API is a part of. */
export interface RunningProgram {
  /** The base of the MCP endpoints, without a path. */
  readonly url: string;
  readonly startedAt: string;
  /** Reads the configuration again; rejects with an error text. */
  readonly reload: () => Promise<void>;
}

/** The open API. */
export interface OpenAdmin {
  /** Its base, without a path; undefined if it is off. */
  readonly url: string | undefined;
  /** Empty if it is off. */
  readonly listeners: readonly Listener[];
  /** Removes the file: this gateway stops, and no program should find it. */
  forget(): void;
}

/** Throws if no program could attach itself to a gateway with this configuration. */
export function assertAttachable({ admin }: StartConfig): void {
  if (admin.isOn) return;
  throw new ConfigError([
    "Cannot use --until-unattached: the admin API is off; " +
    "use a data folder (MCP_DATA_DIR), and leave MCP_ADMIN out",
  ]);
}

/** Opens the API unless it is off, and writes the file. Rejects with an error text. */
export async function openAdmin(
  platform: Platform,
  gateway: GatewayHandle,
  start: StartConfig,
  { reload, ...program }: RunningProgram,
): Promise<OpenAdmin> {
  const { pid } = platform.system;
  const { configPath, config } = start;
  const listener = await listen(platform, gateway, start);
  const url = listener && toUrl(bindHost(start.admin.host), listener.port);
  const { host } = start.admin;
  if (listener !== undefined) {
    gateway.admin?.open({
      host,
      port: listener.port,
      // On loopback no other name leads here, except by DNS rebinding.
      allowedHosts: isLoopback(host) ? [] : config.allowedHosts,
      program: { pid, ...program, adminUrl: url, config: configPath },
      reload,
    });
  }
  const { version } = identity;
  const { instance } = gateway;
  const file: GatewayFile = { pid, ...program, version, instance };
  const forget = await writeFile(platform, config.dataDirectory, {
    ...file,
    ...(url === undefined ? {} : { adminUrl: url }),
  }).catch(async (fault) => {
    await listener?.close(0);
    throw fault;
  });
  return { url, listeners: listener === undefined ? [] : [listener], forget };
}

/** Opens the listener; on any free port if the usual one is taken. */
async function listen(
  { runtime, remoteListener }: Platform,
  { admin, limits }: GatewayHandle,
  { admin: { isOn, host, port, isPortSet }, listener }: StartConfig,
): Promise<Listener | undefined> {
  if (!isOn || admin === undefined) return undefined;
  const options: ServeOptions = {
    hostname: bindHost(host),
    port,
    listener: listener ?? (isLoopback(host) ? "fast" : remoteListener),
    bodyBytesMax: limits.bodyBytesMax + limits.listenerBodyBytesMax,
    limits,
    variables: { host: "MCP_ADMIN_HOST", port: "MCP_ADMIN_PORT" },
    fetch: admin.fetch,
  };
  try {
    return await runtime.serve(options);
  } catch (fault) {
    if (isPortSet || !(fault as ListenFault).isTaken) throw fault;
    return await runtime.serve({ ...options, port: 0 });
  }
}

/** Writes the file; returns the function that removes it. */
async function writeFile(
  { system }: Platform,
  dataDirectory: string,
  file: GatewayFile,
): Promise<() => void> {
  if (dataDirectory === noDirectory) return () => {};
  const path = gatewayFilePath(dataDirectory);
  await system.replaceFile(path, `${JSON.stringify(file, null, 2)}\n`, gatewayFileMode);
  return () => system.removeFile(path);
}
