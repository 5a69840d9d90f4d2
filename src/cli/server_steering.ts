/**
 * Where commands read and change servers and profiles: at the gateway that runs on the data folder, or in its
 * store while none runs. The changing commands are the same for both.
 */
import type { FailedServerConfig, ServerConfig, ServersConfig } from "../config/config.ts";
import { RegistryError, type RegistryErrorCode } from "../config/registry_error.ts";
import { isOfKind } from "../config/server_kind.ts";
import { type OpenRegistry, openRegistry } from "../app.ts";
import type { StartConfig } from "../config/environment.ts";
import { reportProfiles } from "../config/profiles.ts";
import { targetOf } from "../config/server_target.ts";
import { noDirectory } from "../config/places.ts";
import { findGateway, type PutView, type RunningGateway } from "./admin_client.ts";
import type { ProfileCalls } from "./admin_forms.ts";
import type { CommandContext } from "./command.ts";
import { CommandError } from "./command_error.ts";
import { readConfiguration } from "./configuration.ts";
import type { exitCodes } from "./exit_codes.ts";
import { endpointOf } from "./surface_choice.ts";

/** A server as it is configured. */
export interface ListedServer {
  readonly name: string;
  readonly kind: string;
  readonly source: string;
  readonly enabled: boolean;
  /** Its program, origin, recipe or document; absent if it is disabled or its entry is wrong. */
  readonly target?: string | undefined;
  /** Why it cannot be used. */
  readonly problem?: string | undefined;
}

/** The servers and profiles, and the changes of the registry. */
export interface ServerSteering {
  /** Absent: none runs. */
  readonly gateway: RunningGateway | undefined;
  /** The path of the `mcp.json` that counts. */
  readonly configPath: string;
  /** The URL of the gateway for clients, or of the next one. */
  readonly url: string;
  list(): Promise<readonly ListedServer[]>;
  put(name: string, entry: unknown): Promise<PutView>;
  remove(name: string): Promise<void>;
  setDisabled(name: string, disabled: boolean): Promise<void>;
  readonly profiles: ProfileCalls;
}

/** What a piece of work needs while no gateway runs. */
interface StoreNeeds {
  /** Whether it makes a database where there is none. */
  readonly mayCreate?: boolean;
  /** Whether it makes an `mcp.json` where there is none. */
  readonly makesFile?: boolean;
}

/** Opens the servers for a piece of work. */
export async function withServers<Value>(
  context: CommandContext,
  work: (steering: ServerSteering) => Promise<Value>,
  needs: StoreNeeds = {},
): Promise<Value> {
  const gateway = await findGateway(context);
  if (gateway !== undefined) return await work(await steerGateway(gateway));
  return await withStore(context, needs, async (store, { configPath, config }) => {
    const { put, remove, setDisabled } = store;
    const url = config.publicUrl ?? `http://localhost:${config.port}`;
    return await work({
      gateway: undefined,
      configPath,
      url,
      list: () => Promise.resolve(listServers(store.servers(), store.hide)),
      put: (name, entry) =>
        translated(put(name, entry)).then(({ warnings }) => ({ warnings: [...warnings] })),
      remove: (name) => translated(remove(name)),
      setDisabled: (name, disabled) => translated(setDisabled(name, disabled)),
      profiles: profilesIn(store, url),
    });
  });
}

/** The profiles of a store; `base` is the URL of the gateway that will serve them. */
function profilesIn(store: OpenRegistry, base: string): ProfileCalls {
  const { put, remove } = store.profiles;
  return {
    list: () =>
      Promise.resolve(
        reportProfiles(store.servers()).map((report) => ({
          ...report,
          url: `${base}${endpointOf({ kind: "profiles", name: report.name })}`,
        })),
      ),
    put: (name, entry) =>
      translated(put(name, entry)).then(({ warnings }) => ({ warnings: [...warnings] })),
    remove: (name) => translated(remove(name)),
  };
}

async function steerGateway(gateway: RunningGateway): Promise<ServerSteering> {
  const { config, publicUrl, url } = await gateway.status();
  const { put, remove, setDisabled, profiles } = gateway;
  return {
    gateway,
    profiles,
    configPath: config,
    url: publicUrl ?? url,
    put,
    remove,
    setDisabled,
    list: async () => {
      const { servers } = await gateway.status();
      return servers.map(({ name, kind, source, enabled, target, lastError }) => ({
        name,
        kind,
        source,
        enabled,
        target,
        ...(kind === "failed" ? { problem: lastError } : {}),
      }));
    },
  };
}

/** A configuration with its servers, as they are read and as they are shown. */
interface ServersHere extends StartConfig {
  readonly servers: ServersConfig;
  readonly listed: readonly ListedServer[];
}

/** The configuration here with the servers of the registry; none of them is disabled. */
export async function readServersHere(context: CommandContext): Promise<ServersHere> {
  return await withStore(
    context,
    {},
    (store, start) => {
      const servers = store.servers();
      return Promise.resolve({ ...start, servers, listed: listServers(servers, store.hide) });
    },
  );
}

async function withStore<Value>(
  context: CommandContext,
  { mayCreate = false, makesFile = false }: StoreNeeds,
  work: (store: OpenRegistry, start: StartConfig) => Promise<Value>,
): Promise<Value> {
  const { env, platform: { runtime, limits } } = context;
  const path = context.places.configPath;
  const isMissing = makesFile && !runtime.exists(path);
  const start = await readConfiguration(context, isMissing ? { path, text: "{}" } : undefined);
  const { config, configPath } = start;
  if (mayCreate && config.dataDirectory === noDirectory) {
    throw new CommandError(
      "usage",
      "Cannot keep a change with MCP_DATA_DIR=:memory:; name a folder, or use --file",
    );
  }
  // Reading must not make a database where there is none.
  const isThere = mayCreate || runtime.exists(`${config.dataDirectory}/mcp-wrapper.db`);
  const store = await translated(openRegistry({
    config: isThere ? config : { ...config, dataDirectory: noDirectory, store: "memory" },
    runtime,
    reading: { path: configPath, env },
    ...(limits === undefined ? {} : { limits }),
  }));
  try {
    return await work(store, start);
  } finally {
    await store.close();
  }
}

/** The servers of a configuration, disabled ones last; `hide` replaces secrets. */
function listServers(
  { servers, disabled = [] }: ServersConfig,
  hide: (text: string) => string,
): ListedServer[] {
  return [
    ...servers.map((server) => ({
      name: server.name,
      kind: server.kind,
      source: server.definedIn ?? "file",
      enabled: true,
      target: targetOf(server, hide),
      ...problemOf(server),
    })),
    ...disabled.map(({ name, kind, definedIn }) => ({
      name,
      kind,
      source: definedIn,
      enabled: false,
    })),
  ];
}

function problemOf(server: ServerConfig): { readonly problem?: string } {
  return isOfKind<FailedServerConfig>(server, "failed") ? { problem: server.problem } : {};
}

/** The exit codes of what the registry refuses. */
const reasons: Readonly<Record<RegistryErrorCode, keyof typeof exitCodes>> = {
  in_file: "usage",
  unknown: "notFound",
  invalid: "usage",
  disabled: "failed",
  full: "failed",
  store_unavailable: "failed",
};

/** The same result; a refusal of the registry becomes an error of the command. */
export async function translated<Value>(work: Promise<Value>): Promise<Value> {
  try {
    return await work;
  } catch (fault) {
    if (!(fault instanceof RegistryError)) throw fault;
    throw new CommandError(reasons[fault.code], fault.message, { cause: fault });
  }
}
