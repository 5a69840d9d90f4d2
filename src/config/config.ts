/**
 * The configuration of the gateway: plain data, already checked. The other files of this folder
 * make it from `mcp.json` and the environment; tests write it by hand.
 */
import type { InstanceSettings } from "./instance_settings.ts";
import type { AccessRow } from "./access_rows.ts";
import type { ClientBoundKeys } from "./client_limit_keys.ts";
import type {
  EnterpriseConfig,
  OAuth2Config,
  Secret,
  ServerOAuthConfig,
  WorkloadConfig,
} from "./oauth_config.ts";
import type { StoreSettings } from "./engine_url.ts";
import type { ProfileConfig } from "./profile.ts";
import type { PinMode, PinSetting } from "./pin_mode.ts";
import type { Recipe } from "./recipe.ts";
import type { CardAudience, Naming, ServerSource } from "./surface_words.ts";
import type { ToolFilter } from "./tool_filter.ts";
import type { TracesConfig } from "./traces_config.ts";

export type {
  EnterpriseConfig,
  OAuth2Config,
  Secret,
  ServerOAuthConfig,
  WorkloadConfig,
} from "./oauth_config.ts";
export type { ProfileConfig, ProfileServer } from "./profile.ts";
export {
  type CardAudience,
  cardAudiences,
  type Naming,
  type ServerSource,
} from "./surface_words.ts";
export type { ToolFilter } from "./tool_filter.ts";
export type { SamplerConfig, TracesConfig } from "./traces_config.ts";

/** Keys that every server has, whatever its kind. */
export interface ServerCommon extends PinSetting {
  /** The key in the configuration; the prefix of its tools' names on `/mcp`. */
  readonly name: string;
  readonly callTimeoutMs: number;
  readonly startTimeoutMs: number;
  /** How long a connection may be idle before its process is stopped. */
  readonly idleTimeoutMs: number;
  readonly tools: ToolFilter;
  /** `onDemand`: the server starts only when a client needs it. Absent: `early`. */
  readonly start?: "early" | "onDemand" | undefined;
  /** Whether the gateway sends its own progress while a call is silent; absent: yes. */
  readonly keepAlive?: boolean | undefined;
  /** Who may read the server's card. Absent: its clients. */
  readonly card?: CardAudience | undefined;
  /** The most characters of a tool's result. Absent: as the gateway says. */
  readonly resultCharsMax?: number | undefined;
  /** Absent: `file`. */
  readonly definedIn?: ServerSource | undefined;
}

/**
 * Who shares a process (or a remote session). `session`: each session that calls it has its own;
 * `principal`: the sessions of one principal share one; `shared`: one for all.
 */
export type Isolation = "session" | "principal" | "shared";

/**
 * What a server gets when it asks for roots: the client's (`relay`), nothing (`none`), or
 * fixed directories as `file:` URIs.
 */
export type Roots = "relay" | "none" | readonly { readonly uri: string; readonly name?: string }[];

/** The protocol era of a server: `auto` detects it; the others pin it. */
export type EraChoice = "auto" | "legacy" | "modern";

/** What servers that speak MCP themselves have in common. */
export interface McpServerConfig extends ServerCommon {
  readonly isolation: Isolation;
  /** Whether the server learns which client it works for. */
  readonly identify: boolean;
  readonly roots: Roots;
  readonly era: EraChoice;
}

/** A local program that speaks JSON-RPC over stdio. */
export interface StdioServerConfig extends McpServerConfig {
  readonly kind: "stdio";
  readonly command: string;
  readonly args: readonly string[];
  /** The child's own variables, substituted. */
  readonly env: Readonly<Record<string, string>>;
  /** The child's whole environment: the safe list, `inheritEnv` and `env` together. */
  readonly environment: Readonly<Record<string, string>>;
  readonly cwd?: string | undefined;
  /** Obtained at each start, and put into that child's environment alone. */
  readonly childCredentials?: ChildCredentials | undefined;
  /** Whether a process may be started ahead for the next session; absent: yes. */
  readonly spare?: boolean | undefined;
}

/** Credentials that a program finds in its environment. */
export interface ChildCredentials {
  readonly credentials: CredentialsConfig;
  /** The names of the variables: for a key or token, or for a user name and password. */
  readonly variables: {
    readonly value?: string | undefined;
    readonly username?: string | undefined;
    readonly password?: string | undefined;
  };
}

/** A remote server: Streamable HTTP of any revision, or the older HTTP+SSE. */
export interface HttpServerConfig extends McpServerConfig {
  readonly kind: "http";
  /** Absolute, `http:` or `https:`, without credentials in it. */
  readonly url: string;
  /** Sent with each request to the URL's own origin. */
  readonly headers: Readonly<Record<string, string>>;
  readonly credentials: CredentialsConfig;
  /** Absent: requests carry `credentials`, or other headers that authenticate. */
  readonly oauth?: ServerOAuthConfig | undefined;
  /** `auto` detects the transport; the others pin it. */
  readonly transport: "auto" | "streamable" | "sse";
}

/** How the gateway authenticates to a server; bound to the origin of its URL. */
export type CredentialsConfig =
  | { readonly type: "none" }
  /** No credentials are available until the operator does what `problem` says. */
  | { readonly type: "unset"; readonly problem: string }
  | {
    readonly type: "api_key";
    readonly in: "header" | "query" | "cookie";
    readonly name: string;
    /** The prefix of the key, such as "Token ". */
    readonly prefix?: string | undefined;
    readonly key: Secret;
  }
  | { readonly type: "bearer"; readonly token: Secret }
  | { readonly type: "basic"; readonly username: Secret; readonly password: Secret }
  /** Names in lower case. */
  | { readonly type: "headers"; readonly headers: Readonly<Record<string, Secret>> }
  | OAuth2Config
  | EnterpriseConfig
  | WorkloadConfig
  | LoginConfig;

/** An API's own log-in call, which gives a token and sometimes another base URL. */
export interface LoginConfig {
  readonly type: "login";
  /** Beneath the base URL. */
  readonly path: string;
  /** The members of its JSON body. */
  readonly body: Readonly<Record<string, Secret>>;
  /** The place of the token in its answer (JMESPath). */
  readonly token: string;
  /**
   * The place of the host or URL for all later requests (JMESPath), and the hosts that are allowed.
   */
  readonly baseUrl?: string | undefined;
  readonly hosts: readonly string[];
  /** The header that carries the token (lower case), and the text before the token. */
  readonly header: string;
  readonly prefix: string;
  /** How long a token is used. */
  readonly lifetimeMs: number;
}

/** A REST service whose operations are tools. */
export interface RestServerConfig extends ServerCommon {
  readonly kind: "rest";
  readonly source: ServiceSource;
  /** Replaces the base URL of the source; absolute, without query. */
  readonly baseUrl?: string | undefined;
  /** Sent with each request to the base URL's origin; names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly credentials: CredentialsConfig;
  /** Sent, with the credentials, to the operations that need a log-in. */
  readonly login: CredentialsConfig;
  /**
   * The tools that may be called without credentials while these are unavailable (`onFailure:
   * "anonymous"`); absent: none.
   */
  readonly anonymousTools?: readonly string[] | undefined;
}

/** Where the operations of a REST service are described. */
export type ServiceSource =
  | { readonly type: "recipe"; readonly recipe: Recipe }
  | {
    readonly type: "openapi";
    /** A URL, or a file's absolute path. */
    readonly location: string;
    /** Digest of a file's text, so that an edit counts as a change; absent for URLs. */
    readonly stamp?: string | undefined;
  };

/** A server whose configuration is wrong or not supported yet; no other server is affected. */
export interface FailedServerConfig extends ServerCommon {
  readonly kind: "failed";
  /** For the operator: the file, the path in it and the expectation. */
  readonly problem: string;
}

/**
 * One configured server that is not disabled: what all kinds have. A kind's own type extends it.
 */
export interface ServerConfig extends ServerCommon {
  /** A row of the table of kinds. */
  readonly kind: string;
}

/** A configured server that is switched off: it is in no list, and only reports name it. */
export interface DisabledServer {
  readonly name: string;
  /** As that of a `ServerConfig`, judged by its keys alone. */
  readonly kind: string;
  readonly definedIn: ServerSource;
}

/** The servers of one reading of `mcp.json`, with or without those of the registry. */
export interface ServersConfig extends ClientBoundKeys {
  readonly servers: readonly ServerConfig[];
  /** The servers that are switched off. Absent: none. */
  readonly disabled?: readonly DisabledServer[] | undefined;
  readonly names: Naming;
  /** Who may read the card of `/mcp`. Absent: its clients. */
  readonly card?: CardAudience | undefined;
  /** The `pin` of servers whose entry has none. */
  readonly pin?: PinMode | undefined;
  /**
   * Who may use what; the first row that matches decides, and what no row matches is denied.
   * Absent: every client may use everything.
   */
  readonly access?: readonly AccessRow[] | undefined;
  /** Surfaces of some tools of some servers; one with a `problem` has none. Absent: none. */
  readonly profiles?: readonly ProfileConfig[] | undefined;
  /**
   * Sentences for the log: unknown keys with the nearest known name, and problems that are not
   * fatal.
   */
  readonly warnings: readonly string[];
  /** Sentences for the log that need no action: what was ignored. Absent: none. */
  readonly notes?: readonly string[] | undefined;
  /** Absolute paths of the other files that were read; they are watched, as `mcp.json` is. */
  readonly files: readonly string[];
  /** Values that must never appear in a log. */
  readonly secrets: readonly string[];
}

/** How clients authenticate. */
export interface AuthConfig {
  /** Rows of the authenticators' table; a client satisfies one of them. */
  readonly kinds: readonly string[];
  /** The settings of each kind, as they stand in `mcp.json`; each kind checks its own. */
  readonly settings: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

/** The whole configuration of `createGateway`. */
export interface GatewayConfig extends ServersConfig, StoreSettings, InstanceSettings {
  readonly host: string;
  readonly port: number;
  /** Folder of the database, the log and the key; `:memory:` keeps nothing. */
  readonly dataDirectory: string;
  readonly sessionTimeoutMs: number;
  /** How clients authenticate. Absent: they do not. */
  readonly auth?: AuthConfig | undefined;
  /** The largest request body; absent: the usual limit. */
  readonly bodyBytesMax?: number | undefined;
  readonly publicUrl?: string | undefined;
  /** Addresses and blocks of the proxies whose forwarding headers count. Absent: none. */
  readonly trustedProxies?: readonly string[] | undefined;
  /** Origins allowed in addition to this listener's own loopback names. */
  readonly allowedOrigins: readonly string[];
  /** Hosts allowed in addition to this listener's own names, with or without a port. */
  readonly allowedHosts: readonly string[];
  /** Key material for sealing; absent: made at the first start and kept in the data directory. */
  readonly secret?: string | undefined;
  readonly logLevel: "DEBUG" | "INFO" | "WARN" | "ERROR";
  /** Where the spans of calls are sent. Absent: none are made. */
  readonly traces?: TracesConfig | undefined;
  /** Log frames too, with arguments redacted. */
  readonly debug: boolean;
  /** Whether servers are started once before the first client needs them. Absent: true. */
  readonly tryServers?: boolean | undefined;
  /** Whether metrics are collected. Absent: no. */
  readonly metrics?: boolean | undefined;
  /** Whether calls are recorded, with a digest of their arguments or the arguments. Absent: `off`. */
  readonly audit?: "off" | "on" | "arguments" | undefined;
}

/**
 * A server's name as the prefix of its tools' names: `[A-Za-z0-9_-]` only, without `__`, which ends
 * the prefix. Two servers of one configuration must not have the same prefix.
 */
export function toSafePrefix(name: string): string {
  return name.replace(/[^A-Za-z0-9_-]/g, "_").replace(/_{2,}/g, "_").replace(/^_|_$/g, "") || "_";
}
