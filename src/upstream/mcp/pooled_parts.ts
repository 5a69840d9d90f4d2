/**
 * The parts of one upstream that speaks MCP, and what a connection must be brought to when it comes
 * up: log level and subscriptions of the scopes that it serves. Not here: putting the parts
 * together (pooled_upstream.ts), what connections report (pooled_events.ts), and calls
 * (pooled_call.ts).
 */
import type { McpServerConfig } from "../../config/config.ts";
import { isJsonObject } from "../../protocol/jsonrpc.ts";
import type { ConnectionLimit, UpstreamDeps } from "../deps.ts";
import type { Connector } from "../link/link.ts";
import type { StatusNote } from "../upstream_status.ts";
import type { Watchers } from "../watchers.ts";
import type { AskingMemory } from "./asking_memory.ts";
import type { Connection } from "./connection.ts";
import type { LogLevels } from "./log_levels.ts";
import type { LoginNeeds } from "./login_needs.ts";
import type { ConnectionPool } from "./pool.ts";
import type { PinnedLists } from "./pinned_lists.ts";
import { type PoolKey, servedScopes } from "./pool_key.ts";
import type { RestartPolicies } from "./restart_policies.ts";
import type { StoredCatalog } from "./stored_catalog.ts";

/** What a kind adds. */
export interface PooledKind {
  readonly config: McpServerConfig;
  readonly connector: Connector;
  /** Where connections take their places. */
  readonly processLimit: ConnectionLimit;
  /**
   * What the server's lists may depend on beside callers: command or URL, environment or headers.
   */
  readonly fingerprint: unknown;
  /** Whether the server runs without the gateway, so that it may have news while no call runs. */
  readonly isRemote: boolean;
  /** A call is made on a connection that other callers cannot use. */
  readonly used?: () => void;
  /** How persons log in at the server. Absent: they do not. */
  readonly logins?: PooledLogins | undefined;
}

/** How persons log in at a server. */
export interface PooledLogins {
  /** Whether each principal has a grant of its own; else one serves all. */
  readonly isPerPrincipal: boolean;
  /**
   * Calls a listener when a principal has a grant from now on, or none any more, until the returned
   * function is called.
   */
  watch(
    listener: (change: { readonly principal: string; readonly isGranted: boolean }) => void,
  ): () => void;
}

/** One upstream. */
export interface PooledParts {
  readonly kind: PooledKind;
  readonly deps: UpstreamDeps;
  readonly pool: ConnectionPool;
  readonly catalog: StoredCatalog;
  readonly pins: PinnedLists;
  readonly watchers: Watchers;
  readonly levels: LogLevels;
  readonly asking: AskingMemory;
  readonly restartPolicies: RestartPolicies;
  readonly loginNeeds: LoginNeeds;
  readonly status: StatusNote;
  /** The revision that the latest connection speaks; undefined before the first. */
  revision: string | undefined;
  /**
   * Connections whose server was asked for all log lines, which bindings filter for each request.
   */
  readonly leveled: WeakSet<Connection>;
}

/** The connection on which a scope is subscribed: it may have several, of which one is enough. */
export function holderOf(
  { pool }: PooledParts,
  scope: string,
  uri: unknown,
): Connection | undefined {
  return pool.serving(scope).find(({ subscriptions }) => subscriptions.isOf(scope, uri));
}

/** Brings a new connection to where the last one was: log level and subscriptions. */
export function replay(parts: PooledParts, key: PoolKey, connection: Connection): void {
  setLevel(parts, key, connection);
  if (!key.isBase) return;
  for (const scope of servedScopes(parts.watchers, key)) {
    for (const uri of parts.watchers.subscriptions(scope)) {
      if ((holderOf(parts, scope, uri) ?? connection) !== connection) continue;
      if (connection.dialect.subscribe === "request") {
        unheard(parts, connection.request("resources/subscribe", { uri }));
      }
      connection.subscriptions.add(uri, scope);
    }
  }
  if (connection.dialect.subscribe === "listen" && connection.subscriptions.count() > 0) {
    void connection.listen();
  }
}

/** Sets the level of a connection's scopes, where its server has one level for all that it says. */
export function setLevel(parts: PooledParts, key: PoolKey, connection: Connection): void {
  // One that says everything stays so: bindings filter for each client.
  if (parts.leveled.has(connection)) return;
  const level = parts.levels.of(key);
  if (level !== undefined && hasLevel(connection)) {
    unheard(parts, connection.request("logging/setLevel", { level }));
  }
}

/** Whether a level can be set on a connection. */
export function hasLevel({ dialect, description }: Connection): boolean {
  return dialect.logLevel === "session" && isJsonObject(description.capabilities["logging"]);
}

function unheard({ deps: { log } }: PooledParts, request: Promise<unknown>): void {
  request.catch((error) => log.info("The server refused", { error: String(error) }));
}
