/**
 * The composition root: puts the parts together and gives back a plain fetch handler. It names
 * no runtime, reads no environment and opens no socket: `src/main` or an embedding program does.
 */
import { adminSettingsOf } from "./app/admin_settings.ts";
import { type AccessSteering, announceFirstUser, createAccessSteering } from "./app/access.ts";
import { type Observers, openObservers } from "./app/observers.ts";
import { type InternalListener, internalOf } from "./app/open_instances.ts";
import { connectPartsOf, forgetLogins, openLoginSteering } from "./app/open_logins.ts";
import { createChangedTools } from "./app/open_pins.ts";
import { type GatewayOptions, type GatewayParts, openParts, openServers } from "./app/parts.ts";
import { createUpstreams, type Upstreams } from "./app/upstreams.ts";
import type { ServersConfig } from "./config/config.ts";
import { sameServer } from "./config/same_server.ts";
import { createGatewayCore } from "./gateway/gateway.ts";
import { createOperator, type Operator, type OperatorDeps } from "./gateway/operator.ts";
import { createOwnCalls, type OpenOwnCall } from "./gateway/own_calls.ts";
import { createPrincipalRates } from "./gateway/principal_rates.ts";
import { createRowRates } from "./gateway/row_rates.ts";
import type { SteeredGateway } from "./gateway/surface.ts";
import type { AdminApi } from "./http/admin/admin_api.ts";
import { createHttpHandler, type HttpHandler } from "./http/routes.ts";
import { createSurfaceResolver } from "./http/surface_kinds.ts";
import type { LoginSteering } from "./grants/login_steering.ts";
import { createLogins } from "./grants/logins.ts";
import type { ServerGrants } from "./grants/server_grants.ts";
import type { Limits } from "./limits.ts";
import type { Log } from "./log.ts";
import type { Notice } from "./model.ts";
import type { OAuthServer } from "./oauth/oauth_server.ts";
import type { FetchHandler } from "./runtime/runtime.ts";
import { createEventWriter } from "./session/event_writer.ts";
import { openToolIndex } from "./store/tool_index_database.ts";
import type { Counts } from "./telemetry/counts.ts";
import type { Events } from "./telemetry/events.ts";
import { trialCallerOf } from "./upstream/mcp/trial_caller.ts";
import { identity } from "./version.ts";

export { AccessError } from "./access_error.ts";
export {
  type AccessFacts,
  findIssuerProblem,
  isReachedFromElsewhere,
  readAccessFacts,
} from "./app/inspect_access.ts";
export { type DataFacts, inspectData } from "./app/inspect_data.ts";
export { type OpenAccess, openAccess } from "./app/open_access.ts";
export type { InternalListener } from "./app/open_instances.ts";
export { openChangedTools } from "./app/open_pins.ts";
export type { GatewayOptions } from "./app/parts.ts";
export { type OpenRegistry, openRegistry, type OpenRegistryOptions } from "./app/open_registry.ts";
export { defaultTables, type Tables } from "./app/tables.ts";
export { isConnectTool } from "./gateway/connect_tool.ts";

/** A running gateway without a socket. */
export interface GatewayHandle extends Operator {
  /** The bounds that it runs with, for the listener and whatever else is around it. */
  readonly limits: Limits;
  /** Answers every request of every client; never rejects. */
  readonly fetch: FetchHandler;
  /** Opens a call of the program itself, which is no client. */
  readonly call: OpenOwnCall;
  /**
   * The admin API, for a listener of its own; undefined if no data directory keeps its tokens. It
   * refuses requests until it is opened.
   */
  readonly admin: AdminApi | undefined;
  /** Who may connect: keys, users, clients and grants. */
  readonly access: AccessSteering;
  /** The authorization server; undefined if the kind `oauth` is not in use. */
  readonly oauth: OAuthServer | undefined;
  /** What protected servers granted to the gateway, and to whom. */
  readonly grants: ServerGrants;
  /** The same for the operator: who has a grant, links for log-ins, and log-outs. */
  readonly logins: LoginSteering;
  /** A listener serves it at this URL: links to its pages begin with that, or with `publicUrl`. */
  readonly listensAt: (url: string) => void;
  /** For other instances that share the store; undefined: there are none. */
  readonly internal: InternalListener | undefined;
  /** The name of this instance among others. */
  readonly instance: string;
  readonly log: Log;
  /** Calls a reader for each event from now on: see `GatewayEvent`. */
  readonly observe: Events["read"];
  /** How often each kind of event happened so far. */
  readonly counts: () => Counts;
  /** The metrics in the exposition format of Prometheus; undefined if none are collected. */
  readonly metrics: () => Promise<string> | undefined;
  /**
   * Applies a new reading of `mcp.json`: adds, removes and restarts only what changed. The servers of
   * the registry stay.
   */
  reload(servers: ServersConfig): Promise<void>;
  /** Sends a notice to the session of this key; true when a stream took it now. */
  readonly sendTo: (sessionKey: string, notice: Notice) => boolean;
  /** Sends a notice to every client; returns how many took it now. */
  readonly broadcast: (notice: Notice) => number;
  /**
   * Gives the sessions to other instances while this one goes on serving; resolves when they have
   * them, at once if there is no other instance.
   */
  handOver(): Promise<void>;
  /** Refuses new work and ends open streams; resolves when the running calls have finished. */
  drain(): Promise<void>;
  /** Stops all servers and releases the data directory. */
  close(): Promise<void>;
}

/**
 * Starts a gateway. Rejects with a sentence when the data directory cannot be used, which another
 * gateway on it is the commonest cause of; a broken server never keeps it from starting.
 */
export async function createGateway(options: GatewayOptions): Promise<GatewayHandle> {
  const parts = await openParts(options);
  const { limits, clock, tables, instance, log, events, opened } = parts;
  const { stores, sealer } = opened;
  const ratesOf = tables.ratesOf ?? createRowRates(() => sources.current().access);
  const own = { limits, clock, emit: events.emit };
  const rates = createPrincipalRates({ ...own, ratesOf, table: stores.rates });
  const shared = { ...own, instance, isShared: parts.instances !== undefined, rates };
  const observers = await openObservers(parts);
  const sources = await openServers(parts, async (next) => {
    await gateway.reconfigure(next);
    http.recheck();
    keepNamed(next, observers, parts);
    events.emit({ type: "servers_configured" });
  });
  const upstreams = createUpstreams(parts);
  const gateway = createGatewayCore({
    ...shared,
    ...coreParts(parts, upstreams),
    servers: sources.current(),
  });
  const { access, people } = createAccessSteering({
    ...parts,
    ...shared,
    stores,
    runtime: options.runtime,
    forgetPrincipal: (principal) => forgetLogins(parts, principal),
  });
  const self = factsOf(options, instance);
  const operator = operatorOf(parts, { ...observers, sources, gateway });
  const logins = openLoginSteering(parts, sources);
  const http = createHttpHandler({
    ...shared,
    ...httpParts(parts),
    gateway,
    restartsOf: (server) => observers.history.of(server).restarts,
    pages: parts.oauth && { people, waiting: parts.oauth.waiting, sealer },
    connect: connectPartsOf(parts, people, sources),
    admin: adminSettingsOf(parts, {
      operator,
      access,
      logins,
      self,
      metrics: observers.metrics,
    }),
  });
  observers.meter({ gateway, http, upstreams });
  sources.announce();
  if (parts.oauth !== undefined) await announceFirstUser(people, log.source("users"));
  const internal = internalOf(parts.instances, http, gateway);
  if (internal === undefined) http.open();

  return {
    ...operator,
    limits,
    fetch: http.fetch,
    call: createOwnCalls(gateway, { ...trialCallerOf("program"), clientInfo: { ...identity } }),
    admin: http.admin,
    access,
    oauth: parts.oauth,
    grants: parts.grants,
    logins,
    listensAt: parts.logins.place.listensAt,
    internal,
    instance,
    log,
    observe: events.read,
    sendTo: http.sendTo,
    broadcast: http.broadcast,
    counts: observers.counts,
    metrics: observers.metrics,
    reload: sources.reload,
    handOver: http.handOver,
    drain() {
      const drained = http.drain();
      gateway.drain();
      return drained;
    },
    close: () => closeAll(parts, { http, gateway, observers }),
  };
}

/** The operator's side of the gateway. */
function operatorOf(
  { pins, clock, log }: GatewayParts,
  { sources, gateway, history }: Pick<OperatorDeps, "sources" | "gateway" | "history">,
): Operator {
  const changedTools = createChangedTools(pins, sources.current, log.redact);
  return createOperator({ sources, gateway, history, changedTools, clock, hide: log.hide });
}

/** What the core is made of, apart from its servers. */
function coreParts(parts: GatewayParts, { create }: Upstreams) {
  const { options: { config, runtime }, tables, opened, log } = parts;
  return {
    create,
    sameServer,
    resolveSurface: createSurfaceResolver(tables.surfaceKinds),
    log: log.source("gateway"),
    sealer: opened.sealer,
    toolIndex: openToolIndex(runtime),
    steps: tables.steps,
    logins: createLogins(parts.grants, parts.logins.place),
    policy: tables.policy,
    tracer: parts.traces?.tracer,
    debug: config.debug,
    tryServers: config.tryServers ?? true,
  };
}

/** What the HTTP layer is made of, apart from the gateway behind it. */
function httpParts({ options: { config, runtime }, tables, opened, log, ...parts }: GatewayParts) {
  return {
    surfaceKinds: tables.surfaceKinds,
    authenticator: parts.authenticator,
    oauth: parts.oauth,
    sessions: opened.stores.sessions,
    events: opened.stores.events && createEventWriter({
      store: opened.stores.events,
      clock: parts.clock,
      limits: parts.limits,
      log: log.source("session"),
      nextTurn: runtime.nextTurn,
    }),
    bus: parts.bus,
    log: log.source("http"),
    identity,
    addresses: runtime.addresses,
    nextTurn: runtime.nextTurn,
    sha256: runtime.sha256,
    config,
    operatorToken: opened.tokens?.operator,
    storageProblem: opened.stores.problem,
    isStorageAway: opened.stores.isAway,
  };
}

/** Forgets the servers that a new configuration does not have. */
function keepNamed(
  { servers, disabled = [] }: ServersConfig,
  observers: Pick<Observers, "keep">,
  { grants, pins }: Pick<GatewayParts, "grants" | "pins">,
): void {
  const names = servers.map(({ name }) => name);
  observers.keep(names);
  // A server that is only disabled for a while keeps its grants, and what was accepted of its tools.
  const all = [...names, ...disabled.map(({ name }) => name)];
  grants.keep(all);
  void pins.keep(all);
}

/** Closes the clients' side first, then the servers, and last what both worked with. */
async function closeAll(
  { authenticator, oauth, grants, warden, traces, opened, engine, bus, log, instances }:
    GatewayParts,
  { http, gateway, observers }: {
    readonly http: Pick<HttpHandler, "close">;
    readonly gateway: Pick<SteeredGateway, "close">;
    readonly observers: Pick<Observers, "close">;
  },
): Promise<void> {
  await http.close();
  await instances?.close();
  await authenticator.close?.();
  oauth?.close();
  await gateway.close();
  await observers.close();
  grants.close();
  await Promise.all([warden.close(), traces?.close()]);
  bus.close?.();
  await opened.stores.close();
  await engine?.close();
  await log.close();
}

/** What the process says about itself in the admin API. */
function factsOf({ config, runtime }: GatewayOptions, instance: string) {
  return {
    ...identity,
    runtime: runtime.name,
    instance,
    data: config.dataDirectory,
    auth: config.auth?.kinds ?? [],
    publicUrl: config.publicUrl,
  };
}
