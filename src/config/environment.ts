/**
 * Makes the whole configuration of a gateway from environment variables and the file that
 * lists the servers. It fails closed: a misspelt `MCP_*` name, a malformed value, or an address
 * beyond loopback without consent stops the start with sentences that say what to do. Relative
 * paths start at the current folder. The environment is passed in as data; src/main reads `.env`.
 */
import { bytesPerMegabyte, msPerSecond } from "../limits.ts";
import { chooseKinds } from "./auth_settings.ts";
import type { AuthConfig, GatewayConfig, ServersConfig } from "./config.ts";
import { ConfigError } from "./config_error.ts";
import { secretsOfEngine, toStore } from "./engine_url.ts";
import { isLoopback } from "./loopback.ts";
import {
  readDefaultServers,
  readServersFile,
  type ReadServersOptions,
  type ServersFile,
} from "./mcp_json.ts";
import { nearestName } from "./nearest.ts";
import { readOtelSettings, wantsTraces } from "./otel_settings.ts";
import { otelVariables } from "./otel_variables.ts";
import { noDirectory, type Places, placesInFolder } from "./places.ts";
import { checkReach } from "./reach.ts";
import { type Variable, type VariableName, variables, type VariableValue } from "./variables.ts";

/** What `readConfig` needs. */
export interface ReadConfigOptions
  extends Pick<ReadServersOptions, "env" | "readText" | "kinds" | "exists"> {
  /** The current folder, absolute. */
  readonly cwd: string;
  /** Absent: the current folder, unless MCP_CONFIG and MCP_DATA_DIR say otherwise. */
  readonly places?: Places | undefined;
}

/** The configuration, and what only the program needs. */
export interface StartConfig {
  readonly config: GatewayConfig;
  /** The absolute path of the file with the servers, to watch; it may not exist yet. */
  readonly configPath: string;
  /** Set by MCP_LISTENER; absent: the address decides. */
  readonly listener?: "fast" | "hardened" | undefined;
  /** The listener of the admin API. */
  readonly admin: AdminListenerConfig;
  /** Lines for the operator at the start. */
  readonly notes: readonly string[];
  /** Those of the notes that hold only if the registry has no server either. */
  readonly emptyNotes: readonly string[];
  /** Lines for the operator about possible mistakes or dangers. */
  readonly warnings: readonly string[];
}

/** How the admin API listens. */
export interface AdminListenerConfig {
  readonly isOn: boolean;
  readonly host: string;
  readonly port: number;
  /** Whether the operator chose the port; otherwise any free one does if it is taken. */
  readonly isPortSet: boolean;
  /** Whether the operator's token may add servers that start programs, and change command lines. */
  readonly maySpawn: boolean;
}

/** Reads everything; throws a ConfigError that names each variable that is wrong. */
export async function readConfig(
  { env, readText, cwd, kinds, exists, places }: ReadConfigOptions,
): Promise<StartConfig> {
  assertValues(env);
  const host = required(env, "MCP_HOST");
  const remoteBind = !isLoopback(host);
  const { configPath, dataDirectory, isUsualConfig } = places ?? placesInFolder({ env, cwd });
  const own = {
    host,
    port: required(env, "MCP_PORT"),
    publicUrl: optional(env, "MCP_PUBLIC_URL"),
    trustedProxies: optional(env, "MCP_TRUSTED_PROXIES"),
  };
  const authKinds = optional(env, "MCP_AUTH");
  const options = { path: configPath, env, readText, own, authKinds, kinds, exists, dataDirectory };
  const file = await readServersFile(options);
  if (file === undefined && textOf(env, "MCP_CONFIG") !== undefined && !isUsualConfig) {
    throw new ConfigError([
      `Cannot read ${configPath}: no such file; ` +
      "correct the path in MCP_CONFIG or --config, or leave it out",
    ]);
  }
  const strangers = checkNames(env, file?.mentioned ?? new Set());
  const servers = file?.config ?? await readDefaultServers(options);
  const debug = required(env, "DEBUG_MODE");
  const auth = authOf(env, file);
  const otel = readOtelSettings(env, (name) => optional(env, name));
  const store = toStore(optional(env, "MCP_STORE"), optional(env, "MCP_SECRET"));
  const config: GatewayConfig = {
    ...servers,
    ...own,
    dataDirectory,
    sessionTimeoutMs: required(env, "MCP_SESSION_TIMEOUT") * msPerSecond,
    bodyBytesMax: required(env, "MCP_BODY_MAX_MB") * bytesPerMegabyte,
    allowedOrigins: optional(env, "MCP_ALLOWED_ORIGINS") ?? [],
    allowedHosts: optional(env, "MCP_ALLOWED_HOSTS") ?? [],
    ...(auth === undefined ? {} : { auth }),
    secret: optional(env, "MCP_SECRET"),
    ...store,
    internalUrl: optional(env, "MCP_INTERNAL_URL"),
    internalAllow: optional(env, "MCP_INTERNAL_ALLOW"),
    secrets: [...servers.secrets, ...otel.secrets, ...secretsOfEngine(store.engine)],
    traces: otel.traces,
    logLevel: debug ? "DEBUG" : required(env, "LOG_LEVEL"),
    debug,
    tryServers: required(env, "MCP_TRY_SERVERS"),
    audit: required(env, "MCP_AUDIT"),
    // Without the admin API they could be read by none.
    metrics: required(env, "MCP_METRICS") && readAdmin(env, dataDirectory).isOn,
  };
  const reachWarnings = checkReach(config, required(env, "MCP_ALLOW_UNAUTHENTICATED"));
  const emptyNotes = notesOfEmpty(file, servers, configPath);
  const notes = [
    ...emptyNotes,
    ...foreignNotes(env),
    ...(remoteBind ? bindNotes(config) : []),
  ];
  const admin = readAdmin(env, dataDirectory);
  const warnings = [
    ...strangers,
    ...reachWarnings,
    ...adminWarnings(env, admin, dataDirectory),
    ...otel.warnings,
  ];
  const listener = optional(env, "MCP_LISTENER");
  return { config, configPath, listener, admin, notes, emptyNotes, warnings };
}

function notesOfEmpty(
  file: ServersFile | undefined,
  servers: ServersConfig,
  configPath: string,
): readonly string[] {
  if (file === undefined) return howToAdd(configPath, servers);
  return servers.servers.length > 0 ? [] : [`Found no enabled server in ${configPath}`];
}

/** How clients authenticate, by the variables and the file; undefined: they do not. */
export function authOf(
  env: Environment,
  file: Pick<ServersFile, "auth"> | undefined,
): AuthConfig | undefined {
  return chooseKinds(optional(env, "MCP_AUTH"), file?.auth);
}

/** Without a data folder there is no place for the tokens, and the admin API is off. */
function readAdmin(env: Environment, dataDirectory: string): AdminListenerConfig {
  return {
    isOn: required(env, "MCP_ADMIN") && dataDirectory !== noDirectory,
    host: required(env, "MCP_ADMIN_HOST"),
    port: required(env, "MCP_ADMIN_PORT"),
    isPortSet: textOf(env, "MCP_ADMIN_PORT") !== undefined,
    maySpawn: required(env, "MCP_ADMIN_SPAWN"),
  };
}

const adminNames = [
  "MCP_ADMIN_PORT",
  "MCP_ADMIN_HOST",
  "MCP_ADMIN_SPAWN",
  "MCP_METRICS",
] as const;

function adminWarnings(
  env: Environment,
  { isOn, host }: AdminListenerConfig,
  dataDirectory: string,
): string[] {
  if (!isOn) {
    const reason = dataDirectory === noDirectory
      ? "MCP_DATA_DIR=:memory: leaves no place for its tokens"
      : "MCP_ADMIN=off";
    return adminNames.filter((name) => textOf(env, name) !== undefined)
      .map((name) => `${name} has no effect: the admin API is off, since ${reason}`);
  }
  if (isLoopback(host)) return [];
  return [
    `The admin API listens on ${host}: every machine that can reach it and has a token can steer ` +
    "this gateway; tokens pass the network unencrypted, so let only trusted networks reach it",
  ];
}

type Environment = ReadConfigOptions["env"];

/** The value of a variable; an empty one counts as absent. */
function textOf(env: Environment, name: VariableName): string | undefined {
  const text = (Object.hasOwn(env, name) ? env[name] : undefined)?.trim();
  return text === "" ? undefined : text;
}

function optional<Name extends VariableName>(
  env: Environment,
  name: Name,
): VariableValue<Name> | undefined {
  // Each row has its own type, which TypeScript cannot infer from a generic name.
  const row = variables[name] as Variable<VariableValue<Name>>;
  const text = textOf(env, name) ?? row.default;
  return text === undefined ? undefined : row.parse(text);
}

function required<Name extends VariableName>(env: Environment, name: Name): VariableValue<Name> {
  const value = optional(env, name);
  if (value === undefined) throw new ConfigError([explain(env, name)]);
  return value;
}

function explain(env: Environment, name: VariableName): string {
  const row: Variable<unknown> = variables[name];
  const value = row.secret === true ? "" : `=${JSON.stringify(textOf(env, name) ?? "")}`;
  return `Cannot use ${name}${value}: expected ${row.expected}`;
}

/** Throws one sentence for each malformed value. */
function assertValues(env: Environment): void {
  const isOff = !wantsTraces(env);
  const names = (Object.keys(variables) as VariableName[])
    .filter((name) => !(isOff && Object.hasOwn(otelVariables, name)));
  const wrong = names.filter((name) =>
    textOf(env, name) !== undefined && optional(env, name) === undefined
  );
  if (wrong.length > 0) throw new ConfigError(wrong.map((name) => explain(env, name)));
}

/** Variables of well-known MCP clients that may be set in the shell that starts the gateway. */
const foreignNames: ReadonlySet<string> = new Set([
  "MCP_TIMEOUT",
  "MCP_TOOL_TIMEOUT",
  "MCP_CLIENT_SECRET",
  "MCP_OAUTH_CALLBACK_PORT",
]);

/**
 * Checks each `MCP_*` name that neither the gateway nor the file mentions. A name that is near one
 * of the gateway's is taken as misspelt: throws a sentence for each. Returns a warning for each
 * other name, which another program may use.
 */
function checkNames(env: Environment, mentioned: ReadonlySet<string>): string[] {
  const known = Object.keys(variables);
  const unknown = Object.keys(env).filter((name) =>
    name.startsWith(ownPrefix) && !known.includes(name) && !foreignNames.has(name) &&
    !mentioned.has(name)
  );
  const near = unknown.map((name) => [name, nearestVariable(name, known)] as const);
  const misspelt = near.filter(([, meant]) => meant !== undefined);
  if (misspelt.length > 0) {
    throw new ConfigError(
      misspelt.map(([name, meant]) =>
        `Cannot use ${name}: unknown variable; did you mean ${meant}?`
      ),
    );
  }
  return unknown.map((name) =>
    `${name} is not a variable of the gateway and has no effect; .env.example lists those that are`
  );
}

/** The common prefix would make short names look alike. */
function nearestVariable(name: string, known: readonly string[]): string | undefined {
  const rest = known.filter((other) => other.startsWith(ownPrefix)).map(withoutPrefix);
  const nearest = nearestName(withoutPrefix(name), rest);
  return nearest === undefined ? undefined : `${ownPrefix}${nearest}`;
}

const ownPrefix = "MCP_";
const withoutPrefix = (name: string): string => name.slice(ownPrefix.length);

function foreignNotes(env: Environment): string[] {
  return Object.keys(env).filter((name) => foreignNames.has(name))
    .map((name) => `${name} belongs to another program and has no effect here`);
}

function bindNotes(config: GatewayConfig): string[] {
  if (config.allowedHosts.length > 0 || config.publicUrl !== undefined) return [];
  return [
    "Requests for host names other than localhost and this machine's own addresses are refused; " +
    "list the names that clients use in MCP_ALLOWED_HOSTS",
  ];
}

function howToAdd(path: string, { servers }: ServersConfig): string[] {
  const example = {
    mcpServers: { memory: { command: "npx", args: ["-y", "@modelcontextprotocol/server-memory"] } },
  };
  return [
    "No server is configured: the gateway offers CoinGecko, which needs no key" +
    (servers.some(({ name }) => name === "opensubtitles")
      ? ", and OpenSubtitles, since OPENSUBTITLES_API_KEY is set"
      : "; set OPENSUBTITLES_API_KEY to add OpenSubtitles"),
    `Add your own servers with mcp-wrapper add, or write them into ${path}, which the gateway ` +
    "reads again when it changes",
    `For example: ${JSON.stringify(example)}`,
  ];
}
