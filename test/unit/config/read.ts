/** Reads configurations that a test writes as text; files are a map, so nothing touches the disk. */
import { ConfigError } from "../../../src/config/config_error.ts";
import type {
  FailedServerConfig,
  HttpServerConfig,
  RestServerConfig,
  ServersConfig,
  StdioServerConfig,
} from "../../../src/config/config.ts";
import { readConfig, type StartConfig } from "../../../src/config/environment.ts";
import type { OwnAddress } from "../../../src/config/own_address.ts";
import { readServers } from "../../../src/config/mcp_json.ts";
import { isOfKind } from "../../../src/config/server_kind.ts";
import { upstreamKinds } from "../../../src/upstream/upstream_kinds.ts";

type Env = Readonly<Record<string, string>>;

/** Where the file of a test stands. */
export const file = "/etc/gateway/mcp.json";
/** The same by its name, as clients may see it in the problem of a server. */
export const fileName = "mcp.json";

/** An environment as a shell has it. */
export const shell: Env = { HOME: "/home/me", PATH: "/usr/bin", USER: "me" };

/** Where the gateway of these tests is reached. */
export const own: OwnAddress = { host: "localhost", port: 8999 };

/** Reads a file with this text, or this value as JSON; `files` are the others, by absolute path. */
export function read(
  content: unknown,
  env: Env = shell,
  remoteBind = false,
  files: Env = {},
): Promise<ServersConfig> {
  const text = typeof content === "string" ? content : JSON.stringify(content);
  return readServers({
    kinds: upstreamKinds,
    path: file,
    env,
    own: { ...own, host: remoteBind ? "0.0.0.0" : own.host },
    async readText(path) {
      if (path === "/unreadable") throw new Error("EACCES");
      return path === file ? text : files[path];
    },
  });
}

/** Reads one server called `files`. */
export function readOne(entry: unknown, env: Env = shell, remoteBind = false, files: Env = {}) {
  return read({ mcpServers: { files: entry } }, env, remoteBind, files);
}

/** The server of that name, which must be usable. */
export function stdio(config: ServersConfig, name = "files"): StdioServerConfig {
  const server = config.servers.find((one) => one.name === name);
  if (server === undefined || !isOfKind<StdioServerConfig>(server, "stdio")) {
    throw new Error(`Cannot find ${name}: ${JSON.stringify(config.servers)}`);
  }
  return server;
}

/** The remote server of that name, which must be usable. */
export function http(config: ServersConfig, name = "files"): HttpServerConfig {
  const server = config.servers.find((one) => one.name === name);
  if (server === undefined || !isOfKind<HttpServerConfig>(server, "http")) {
    throw new Error(`Cannot find ${name}: ${JSON.stringify(config.servers)}`);
  }
  return server;
}

/** The web API of that name, which must be usable. */
export function rest(config: ServersConfig, name = "files"): RestServerConfig {
  const server = config.servers.find((one) => one.name === name);
  if (server === undefined || !isOfKind<RestServerConfig>(server, "rest")) {
    throw new Error(`Cannot find ${name}: ${JSON.stringify(config.servers)}`);
  }
  return server;
}

/** The server of that name, which must have failed. */
export function failed(config: ServersConfig, name = "files"): FailedServerConfig {
  const server = config.servers.find((one) => one.name === name);
  if (server === undefined || !isOfKind<FailedServerConfig>(server, "failed")) {
    throw new Error(`Cannot find failed ${name}: ${JSON.stringify(config.servers)}`);
  }
  return server;
}

/** Reads the environment in the folder `/srv`, with these files by absolute path. */
export function start(env: Env, files: Env = {}): Promise<StartConfig> {
  return readConfig({
    env,
    cwd: "/srv",
    kinds: upstreamKinds,
    readText: (path) => Promise.resolve(files[path]),
  });
}

/** The message of the ConfigError that this ends with. */
export async function refusal(reading: Promise<unknown>): Promise<string> {
  try {
    await reading;
  } catch (thrown) {
    if (thrown instanceof ConfigError) return thrown.message;
    throw thrown;
  }
  throw new Error("Cannot find a refusal: the configuration was accepted");
}
