/**
 * The composition root and public entry: puts the parts together and gives back a plain fetch
 * handler. It names no runtime, reads no environment and opens no socket: `src/main` or an
 * embedding program does.
 */
import {
  type AuthenticatorKinds,
  authenticatorKinds,
  createAuthenticator,
} from "./auth/authenticator_kinds.ts";
import { createInProcessBus } from "./bus/in_process.ts";
import { type Clock, systemClock } from "./clock.ts";
import type { FailedServerConfig, GatewayConfig, ServersConfig } from "./config/config.ts";
import { noDirectory } from "./config/places.ts";
import { sameServer } from "./config/same_server.ts";
import { isOfKind } from "./config/server_kind.ts";
import { createGatewayCore } from "./gateway/gateway.ts";
import { allowAll, type Policy } from "./gateway/access_policy.ts";
import { makeAuditStep } from "./gateway/steps/audit.ts";
import { makeLimitStep } from "./gateway/steps/limit.ts";
import { makeParkStep } from "./gateway/steps/park.ts";
import { makePolicyStep } from "./gateway/steps/policy.ts";
import { makeRelayStep } from "./gateway/steps/relay.ts";
import { makeResolveStep } from "./gateway/steps/resolve.ts";
import type { MakeStep } from "./gateway/steps/steps.ts";
import { makeTraceStep } from "./gateway/steps/trace.ts";
import { createHttpHandler } from "./http/routes.ts";
import { createSurfaceResolver, type SurfaceKinds, surfaceKinds } from "./http/surface_kinds.ts";
import { defaultLimits, type Limits } from "./limits.ts";
import { brokenRelations } from "./limits/relations.ts";
import { createLog, type Log } from "./log.ts";
import type { Notice } from "./model.ts";
import type { FetchHandler, Runtime } from "./runtime/runtime.ts";
import { storeKinds } from "./store/store_kinds.ts";
import { openStores, type StoreKinds } from "./store/stores.ts";
import { countEvents, type Counts } from "./telemetry/counts.ts";
import { createEvents, type Events } from "./telemetry/events.ts";
import { createLogReader } from "./telemetry/log_reader.ts";
import { createProcessLimit } from "./upstream/mcp/process_limit.ts";
import { createCorrectionLog } from "./upstream/catalog/correction_log.ts";
import { createUpstream, type UpstreamKinds, upstreamKinds } from "./upstream/upstream_kinds.ts";
import { createSpares } from "./upstream/stdio/spares.ts";
import { openWarden } from "./upstream/stdio/warden.ts";
import { identity } from "./version.ts";

/** The extension tables of a gateway, one for each extension point; rows are independent. */
export interface Tables {
  /** Identify who makes a request; `GatewayConfig.authenticator` names the one in use. */
  readonly authenticatorKinds: AuthenticatorKinds;
  /** What every call passes, in order. */
  readonly steps: readonly MakeStep[];
  /** What a principal may see and use. */
  readonly policy: Policy;
  /** Keep what must outlive a request; `GatewayConfig.store` names the one in use. */
  readonly storeKinds: StoreKinds;
  /** What a server can be: how it is read from `mcp.json`, and how it is reached. */
  readonly upstreamKinds: UpstreamKinds;
  /** Which URLs exist, and which servers are behind each. */
  readonly surfaceKinds: SurfaceKinds;
}

/** The default tables. */
export const defaultTables: Tables = {
  authenticatorKinds,
  steps: [
    makeTraceStep,
    makeAuditStep,
    makeResolveStep,
    makePolicyStep,
    makeLimitStep,
    makeParkStep,
    makeRelayStep,
  ],
  policy: allowAll,
  storeKinds,
  upstreamKinds,
  surfaceKinds,
};

/** What a gateway is made from. */
export interface GatewayOptions {
  readonly config: GatewayConfig;
  readonly runtime: Runtime;
  /** Bounds that differ from the defaults. */
  readonly limits?: Partial<Limits>;
  readonly clock?: Clock;
  /** Tables that replace the defaults. */
  readonly tables?: Partial<Tables>;
  /** Where log lines are shown; absent: only the log file has them. */
  readonly console?: (line: string) => void;
  /** The name of this instance among others, in visible ASCII; absent: a new random one. */
  readonly instance?: string;
}

/** A running gateway without a socket. */
export interface GatewayHandle {
  /** The bounds that it runs with, for the listener and whatever else is around it. */
  readonly limits: Limits;
  /** Answers every request of every client; never rejects. */
  readonly fetch: FetchHandler;
  readonly log: Log;
  /** Calls a reader for each event from now on: see `GatewayEvent`. */
  readonly observe: Events["read"];
  /** How often each kind of event happened so far. */
  readonly counts: () => Counts;
  /** Applies a new server configuration: adds, removes and restarts only what changed. */
  reload(servers: ServersConfig): Promise<void>;
  /** Sends a notice to the session of this key; true when a stream took it now. */
  readonly sendTo: (sessionKey: string, notice: Notice) => boolean;
  /** Sends a notice to every client; returns how many took it now. */
  readonly broadcast: (notice: Notice) => number;
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
  const { config, runtime, clock = systemClock } = options;
  const { bodyBytesMax = defaultLimits.bodyBytesMax } = config;
  const limits: Limits = { ...defaultLimits, bodyBytesMax, ...options.limits };
  assertRelations(limits);
  const log = openLog(options, limits, clock);
  const tables: Tables = { ...defaultTables, ...options.tables };
  const instance = toInstance(options.instance);
  const authenticator = createAuthenticator(
    config.authenticator ?? "none",
    tables.authenticatorKinds,
    { clock, limits, log: log.source("auth") },
  );
  const events = openEvents(log, limits);
  const counts = countEvents(events);
  const kinds = tables.storeKinds;
  const opened = await openStores({ config, kinds, runtime, clock, limits, log });
  const { stores, sealer, operatorToken } = opened;
  log.addSecrets(opened.secrets);
  const { processGroups: groups } = stores;
  const warden = await openWarden({ runtime, groups, clock, limits, log: log.source("warden") });
  const ceilings = createCeilings(limits, clock);
  const gateway = createGatewayCore({
    servers: config,
    create: (server) => {
      const own = log.source(`upstream.${server.name}`);
      return createUpstream(server, {
        runtime,
        limits,
        clock,
        log: own,
        emit: events.emit,
        corrections: createCorrectionLog(server.name, own, limits),
        catalogs: stores.catalogs,
        ...ceilings,
        warden,
        digest: sealer.digest,
        credentialStore: stores.credentials,
        addSecrets: log.addPassingSecrets,
        identity,
        instance,
      }, tables.upstreamKinds);
    },
    sameServer,
    resolveSurface: createSurfaceResolver(tables.surfaceKinds),
    limits,
    clock,
    log: log.source("gateway"),
    sealer,
    emit: events.emit,
    steps: tables.steps,
    policy: tables.policy,
    instance,
    debug: config.debug,
    tryServers: config.tryServers ?? true,
  });
  const http = createHttpHandler({
    gateway,
    surfaceKinds: tables.surfaceKinds,
    authenticator,
    sessions: stores.sessions,
    bus: createInProcessBus({ limits, log: log.source("bus") }),
    limits,
    clock,
    log: log.source("http"),
    emit: events.emit,
    identity,
    instance,
    addresses: runtime.addresses,
    sha256: runtime.sha256,
    config,
    operatorToken,
    storageProblem: stores.problem,
  });
  warn(log, config);
  http.open();

  return {
    limits,
    fetch: http.fetch,
    log,
    observe: events.read,
    sendTo: http.sendTo,
    broadcast: http.broadcast,
    counts,
    async reload(servers) {
      log.addSecrets(servers.secrets);
      warn(log, servers);
      await gateway.reconfigure(servers);
    },
    drain() {
      const drained = http.drain();
      gateway.drain();
      return drained;
    },
    async close() {
      await http.close();
      await gateway.close();
      await warden.close();
      await stores.close();
      await log.close();
    },
  };
}

/** What bounds the processes of all servers together. */
function createCeilings(limits: Limits, clock: Clock) {
  const processLimit = createProcessLimit(limits, clock);
  return { processLimit, spares: createSpares(limits, clock, processLimit) };
}

/** The log of the process: on the console, and in the data directory where there is one. */
function openLog({ config, runtime, console }: GatewayOptions, limits: Limits, clock: Clock) {
  const { dataDirectory, secrets } = config;
  const { logBytesMax, logFilesMax } = limits;
  const bounds = { bytesMax: logBytesMax, filesMax: logFilesMax };
  return createLog({
    level: config.debug ? "DEBUG" : config.logLevel,
    console: console ?? (() => {}),
    clock,
    limits,
    secrets,
    ...(dataDirectory === noDirectory
      ? {}
      : { file: runtime.openLog(`${dataDirectory}/logs/server.log`, bounds) }),
  });
}

/** The events of the process; the log is their first reader. */
function openEvents(log: Log, limits: Limits): Events {
  const events = createEvents((thrown) =>
    log.error("Cannot read an event", { error: String(thrown) })
  );
  events.read(createLogReader(log, limits));
  return events;
}

function assertRelations(limits: Limits): void {
  const broken = brokenRelations(limits);
  if (broken.length > 0) throw new Error(`Cannot use these limits: ${broken.join("; ")}`);
}

/** The name of this instance: owners of sessions and ids of events contain it. */
function toInstance(name: string = crypto.randomUUID()): string {
  if (/^[\x21-\x7e]{1,64}$/.test(name)) return name;
  throw new Error(
    `Cannot use the instance name "${name}": expected 1 to 64 visible ASCII characters`,
  );
}

function warn(log: Log, servers: ServersConfig): void {
  for (const note of servers.notes ?? []) log.info(note);
  for (const warning of servers.warnings) log.warn(warning);
  for (const server of servers.servers) {
    if (!isOfKind<FailedServerConfig>(server, "failed")) continue;
    log.error(server.problem, { server: server.name });
  }
}
