/**
 * What all servers that speak MCP have in common, whatever the transport: pool, catalog, watchers and
 * restart policies put together, and each call routed to its connection. A kind adds its connector
 * (stdio_upstream.ts, http_upstream.ts). Not here: any of their work.
 */
import type { McpServerConfig } from "../../config/config.ts";
import { GatewayError, toGatewayError } from "../../errors.ts";
import { type Call, type LogLevel, type Notice } from "../../model.ts";
import { isJsonObject } from "../../protocol/jsonrpc.ts";
import { createStoredCatalog } from "./stored_catalog.ts";
import { createCatalogKeys } from "./catalog_key.ts";
import type { ConnectionLimit, UpstreamDeps } from "../deps.ts";
import { createExchange, toRefusal } from "../exchange_source.ts";
import type { Connection } from "./connection.ts";
import { changedKinds } from "./lists.ts";
import type { PoolKey } from "./pool_key.ts";
import { createConnectionPool } from "./pool.ts";
import { createLogLevels } from "./log_levels.ts";
import type { Connector, OpenRequest } from "../link/link.ts";
import { createDialects, declaredCapabilities } from "../link/dialect.ts";
import { workingMethods } from "./attribution.ts";
import { createRestartPolicies } from "./restart_policies.ts";
import type { Upstream } from "../upstream.ts";
import { createStatus, toState } from "../upstream_status.ts";
import { trialScope } from "./trial_caller.ts";
import { createKnownDialects } from "./known_dialects.ts";
import { openOnConnection } from "./subscribed_call.ts";
import { createWatchers } from "../watchers.ts";

/** What a kind adds. */
export interface PooledKind {
  readonly config: McpServerConfig;
  readonly connector: Connector;
  /** Where connections take their places. */
  readonly processLimit: ConnectionLimit;
  /** What the server's lists may depend on beside callers: command or URL, environment or headers. */
  readonly fingerprint: unknown;
  /** Whether the server lives on without us, and so may have news for whoever listens. */
  readonly isRemote: boolean;
  /** A call is made on a connection that other callers cannot use. */
  readonly used?: () => void;
}

/** Makes the upstream of one server; nothing is started yet. */
export function createPooledUpstream(kind: PooledKind, deps: UpstreamDeps): Upstream {
  const { config, connector } = kind;
  const { log, limits, clock } = deps;
  const restartPolicies = createRestartPolicies(config.name, kind.isRemote, deps);
  const watchers = createWatchers(deps);
  const levels = createLogLevels();
  const knownDialects = createKnownDialects(config.era, createDialects(deps.identity), deps);
  /** The scopes that a connection serves, as far as they can be told anything. */
  const scopesOf = ({ scope }: PoolKey): string[] =>
    scope === undefined ? watchers.scopes() : [scope];

  const pool = createConnectionPool({
    config,
    deps,
    connector,
    knownDialects,
    restartPolicies,
    processLimit: kind.processLimit,
    hooks: {
      ready(key, connection, caller) {
        levels.note(caller);
        replay(key, connection);
        if (key.isBase) catalog.connectionReady(key, connection, caller);
      },
      renewed(key, connection) {
        replay(key, connection);
        catalog.listsChanged(key, changedKinds());
      },
      notice(key, notice) {
        const kinds = changedKinds(notice);
        if (kinds.length > 0) {
          catalog.listsChanged(key, kinds);
          return true;
        }
        if (key.scope !== undefined) return watchers.tell(key.scope, notice);
        if (notice.method !== "notifications/resources/updated") return false;
        const uri = String(notice.params["uri"]);
        const subscribed = watchers.scopes().filter((scope) =>
          watchers.subscriptions(scope).has(uri)
        );
        for (const scope of subscribed) watchers.tell(scope, notice);
        return subscribed.length > 0;
      },
      ask({ scope, isSession }, { method, params }, signal) {
        // Who cannot be asked during a call cannot be outside of one either.
        if (scope !== undefined && isSession) return watchers.ask(scope, method, params, signal);
        return Promise.resolve(toRefusal(new GatewayError("method_not_found")));
      },
      clear: async ({ scope }) => {
        // Some programs hold a lock: a process of its own starts after the trial's has ended.
        const isOwnProcess = scope !== undefined && scope !== trialScope && !kind.isRemote;
        if (isOwnProcess) await catalog.endTrial();
      },
      outlives: (scope) => catalog.isLearningFor(scope),
      changed: () => status.note(),
      died(key, reason) {
        deps.emit({ type: "connection_closed", server: config.name, died: reason });
        catalog.connectionDied(key);
        const data = `Server "${config.name}" ended unexpectedly (${reason}); ` +
          "the next call starts it again, without what it kept in memory";
        const notice: Notice = {
          kind: "notice",
          method: "notifications/message",
          params: { level: "warning", logger: config.name, data },
        };
        for (const scope of scopesOf(key)) watchers.tell(scope, notice);
      },
    },
  });
  const problem = () => restartPolicies.problem() ?? restartPolicies.dying();
  const status = createStatus(config.name, deps, () => ({
    state: toState(pool.counts(), restartPolicies),
    problem: problem(),
  }));
  const catalog = createStoredCatalog({
    server: config.name,
    startTimeoutMs: config.startTimeoutMs,
    isRemote: kind.isRemote,
    problem: restartPolicies.problem,
    awayMs: restartPolicies.awayMs,
    deps,
    pool,
    watchers,
    keys: createCatalogKeys(kind.config, kind.fingerprint, knownDialects, deps),
    mayWarm: (scope) => restartPolicies.refusal(scope) === undefined && kind.processLimit.hasRoom(),
  });

  /** The connection on which a scope is subscribed: it may have several, of which one is enough. */
  const holderOf = (scope: string, uri: unknown): Connection | undefined =>
    pool.serving(scope).find(({ subscriptions }) => subscriptions.isOf(scope, uri));
  /** Brings a new connection to where the last one was: log level and subscriptions. */
  const replay = (key: PoolKey, connection: Connection): void => {
    setLevel(key, connection);
    if (!key.isBase) return;
    for (const scope of scopesOf(key)) {
      for (const uri of watchers.subscriptions(scope)) {
        if ((holderOf(scope, uri) ?? connection) !== connection) continue;
        if (!connection.dialect.stateless) {
          unheard(connection.request("resources/subscribe", { uri }));
        }
        connection.subscriptions.add(uri, scope);
      }
    }
    if (connection.dialect.stateless && connection.subscriptions.count() > 0) {
      void connection.listen();
    }
  };
  const setLevel = (key: PoolKey, connection: Connection): void => {
    const level = levels.of(key.scope);
    if (level !== undefined && hasLevel(connection)) {
      unheard(connection.request("logging/setLevel", { level }));
    }
  };
  const unheard = (request: Promise<unknown>): void => {
    request.catch((error) => log.info("The server refused", { error: String(error) }));
  };

  /** The connection of a call, and what is to be done when the call is over. */
  const connectionOf = async ({ method, caller }: Call): Promise<[Connection, () => void]> => {
    const base = await pool.forCall(caller);
    if (base.dialect.stateless || caller.asksByResult !== true) return [base, () => {}];
    const mayAsk = workingMethods.has(method) && !connector.ownsQuestions &&
      config.isolation === "session" &&
      Object.keys(declaredCapabilities(config, caller)).length > 0;
    const lease = mayAsk ? pool.lease(caller) : undefined;
    try {
      const connection = lease === undefined ? base : await lease.connection;
      // Log lines are filtered for each request by its binding; the server has one level for all.
      if (caller.logLevel !== undefined && hasLevel(connection) && !leveled.has(connection)) {
        leveled.add(connection);
        await connection.request("logging/setLevel", { level: "debug" }).catch(() => {});
      }
      return [connection, () => lease?.release()];
    } catch (thrown) {
      lease?.release();
      throw thrown;
    }
  };
  const leveled = new WeakSet<Connection>();

  const open: Upstream["open"] = (call) => {
    let request: OpenRequest | undefined;
    const source = createExchange({ limits, clock }, {
      cancelled: (reason) => request?.cancel(reason),
      asking: (isOpen) => isOpen ? request?.hold() : request?.resume(),
    });
    const { caller } = call;
    if (call.method === "logging/setLevel") {
      levels.note({ ...caller, logLevel: call.params["level"] as LogLevel });
      const key = pool.keyOf(caller);
      for (const connection of pool.serving(caller.scope)) setLevel(key, connection);
      source.end({ kind: "result", value: {} });
      return source.exchange;
    }
    const { target = {} } = call;
    const work = (connection: Connection, ended: () => void): void => {
      if (source.ended()) return ended();
      target.isSent = true;
      if (pool.keyOf(caller).scope !== undefined) kind.used?.();
      request = openOnConnection(connection, call, source, ended);
    };
    const holder = subscribing.has(call.method)
      ? holderOf(caller.scope, call.params["uri"])
      : undefined;
    const running = holder ?? (caller.asksByResult === true ? undefined : pool.running(caller));
    if (running !== undefined) work(running, () => {});
    else {
      target.isSent = false;
      connectionOf(call).then(([connection, ended]) => work(connection, ended))
        .catch((thrown) => source.end({ kind: "failure", error: toGatewayError(thrown) }));
    }
    return source.exchange;
  };

  return {
    name: config.name,
    async describe(caller) {
      const description = await catalog.describe(caller);
      if (kind.isRemote) catalog.warm(caller);
      if (config.isolation !== "shared") return description;
      // On one connection for all, everybody could see and end everybody's tasks.
      const { tasks: _, ...capabilities } = description.capabilities;
      return { ...description, capabilities };
    },
    list: catalog.list,
    freshness: (kind, caller) => pool.running(caller)?.lists.freshness(kind),
    open,
    notify(caller, method, params) {
      // Only a server that was told of this client's roots may hear of them.
      const declared = config.isolation === "session" && config.roots === "relay" &&
        declaredCapabilities(config, caller)["roots"] !== undefined;
      if (method === "notifications/roots/list_changed" && !declared) return;
      const connection = pool.running(caller);
      if (config.isolation === "session" && connection?.dialect.stateless === false) {
        connection.notify(method, params);
      }
    },
    watch: watchers.add,
    endScope(scope) {
      watchers.forget(scope);
      pool.endScope(scope);
      catalog.forget(scope);
      levels.forget(scope);
      restartPolicies.forget(scope);
    },
    trial: catalog.trial,
    status() {
      const why = problem();
      return {
        ...status.now(),
        connections: pool.counts().running,
        tools: catalog.toolCount(),
        problem: why,
        error: why === undefined ? undefined : "upstream_unavailable",
      };
    },
    async close() {
      catalog.close();
      await pool.close();
    },
  };
}

const subscribing: ReadonlySet<string> = new Set([
  "resources/subscribe",
  "resources/unsubscribe",
]);

function hasLevel({ dialect, description }: Connection): boolean {
  return !dialect.stateless && isJsonObject(description.capabilities["logging"]);
}
