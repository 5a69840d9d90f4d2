/**
 * What a gateway is made from, and the parts that must be opened before it: log, events, stores, the
 * warden, and the servers of `mcp.json` and the registry.
 */
import type { Authenticator } from "../auth/authenticator.ts";
import { createAuthenticator } from "../auth/authenticator_kinds.ts";
import type { Bus } from "../bus/bus.ts";
import { openBus } from "../bus/bus_kinds.ts";
import { type Clock, systemClock } from "../clock.ts";
import type { GatewayConfig, ServersConfig } from "../config/config.ts";
import { logServers } from "../config/config_lines.ts";
import { noDirectory } from "../config/places.ts";
import {
  type ConfigurationSources,
  type EntryReadingOptions,
  openSources,
} from "../config/registry.ts";
import type { ServerGrants } from "../grants/server_grants.ts";
import { defaultLimits, type Limits } from "../limits.ts";
import { brokenRelations } from "../limits/relations.ts";
import type { LogRecord } from "../log_line.ts";
import { createLog, type Log, type LogSink } from "../log.ts";
import type { RedisConnection } from "../redis/redis_connection.ts";
import type { Runtime } from "../runtime/runtime.ts";
import type { OAuthServer } from "../oauth/oauth_server.ts";
import { type OpenedStores, openStores } from "../store/stores.ts";
import { createEvents, type Events } from "../telemetry/events.ts";
import { createLogReader } from "../telemetry/log_reader.ts";
import { keepRecentLog, type RecentLog } from "../telemetry/recent_log.ts";
import type { Traces } from "../traces/traces.ts";
import type { ToolPins } from "../upstream/catalog/tool_pins.ts";
import type { Warden } from "../upstream/deps.ts";
import { openWarden } from "../upstream/stdio/warden.ts";
import { announceRegistry } from "./announced_stores.ts";
import { openEngine } from "./open_engine.ts";
import { openGrants } from "./open_grants.ts";
import { type OpenInstances, openInstances } from "./open_instances.ts";
import { openLogins, type ServerLogins } from "./open_logins.ts";
import { openOAuth } from "./open_oauth.ts";
import { openTraces } from "./open_traces.ts";
import { openPins } from "./open_pins.ts";
import { type Tables, tablesOf } from "./tables.ts";

/**
 * What a gateway is made from. A table that is given replaces the default one, so add to it:
 * `steps: [...defaultTables.steps, mine]`.
 */
export interface GatewayOptions extends Partial<Tables> {
  readonly config: GatewayConfig;
  readonly runtime: Runtime;
  /** Bounds that differ from the defaults. */
  readonly limits?: Partial<Limits>;
  readonly clock?: Clock;
  /** Where log lines are shown; absent: only the log file has them. */
  readonly console?: (line: string) => void;
  /** How a record becomes such a line. Absent: with its whole time, and without colours. */
  readonly consoleFormat?: (record: LogRecord) => string;
  /** How the entries of the registry are read; absent: with the runtime's own variables. */
  readonly reading?: EntryReadingOptions;
  /** Called with the servers of each configuration that is applied, the first included. */
  readonly onServers?: (servers: ServersConfig) => void;
  /** The name of this instance among others, in visible ASCII; absent: a new random one. */
  readonly instance?: string;
}

/** The parts that a gateway is put together from. */
export interface GatewayParts {
  readonly options: GatewayOptions;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly tables: Tables;
  readonly instance: string;
  readonly log: LogSink;
  /** The latest records of the log. */
  readonly recentLog: RecentLog;
  readonly bus: Bus;
  readonly authenticator: Authenticator;
  /** Undefined: the kind `oauth` is not in use. */
  readonly oauth: OAuthServer | undefined;
  readonly events: Events;
  /** Undefined: no collector gets spans of calls. */
  readonly traces: Traces | undefined;
  /** What protected servers granted to the gateway, and to whom. */
  readonly grants: ServerGrants;
  /** Where people log in at protected servers. */
  readonly logins: ServerLogins;
  /** Undefined: the stores are in this process. */
  readonly engine: RedisConnection | undefined;
  readonly opened: OpenedStores;
  /** What was accepted of the tools of servers. */
  readonly pins: ToolPins;
  readonly warden: Warden;
  /** Undefined: the store is this instance's alone. */
  readonly instances: OpenInstances | undefined;
}

/** Opens the parts. Rejects with a sentence when the data directory cannot be used. */
export async function openParts(options: GatewayOptions): Promise<GatewayParts> {
  const { config, runtime, clock = systemClock } = options;
  const { bodyBytesMax = defaultLimits.bodyBytesMax } = config;
  const limits: Limits = { ...defaultLimits, bodyBytesMax, ...options.limits };
  assertRelations(limits);
  const log = openLog(options, limits, clock);
  const recentLog = keepRecentLog(log, limits);
  const tables = tablesOf(options);
  const instance = toInstance(options.instance);
  const events = openEvents(log, limits);
  const kinds = tables.storeKinds;
  const engine = await openEngine({ config, clock, limits, log, instance });
  const closeEngine = async (fault: unknown): Promise<never> => {
    await engine?.close();
    throw fault;
  };
  const opened = await openStores({ config, kinds, runtime, clock, limits, log, engine })
    .catch(closeEngine);
  log.addSecrets(opened.secrets);
  const bus = opened.stores.bus ??
    await openBus({ engine, instance, clock, limits, log: log.source("bus") });
  const close = async (fault: unknown): Promise<never> => {
    await opened.stores.close();
    return await closeEngine(fault);
  };
  const access = { config, runtime, sealer: opened.sealer, bus, clock, limits };
  const oauth = await openOAuth({ ...access, opened, events, log }).catch(close);
  const authenticator = await createAuthenticator(config.auth, tables.authenticators, {
    ...access,
    keys: opened.stores.keys,
    oauth,
    log: log.source("auth"),
  }).catch(close);
  const { processGroups: groups } = opened.stores;
  const warden = await openWarden({ runtime, groups, clock, limits, log: log.source("warden") });
  const grants = openGrants({ config, runtime, opened, bus, clock, limits, events, log });
  const logins = openLogins({ config, records: opened.stores.logins, limits });
  const own = { traces: config.traces, runtime, clock, limits, events, log, instance };
  const traces = await openTraces(own);
  const shared = { options, limits, clock, tables, instance, log, recentLog, events, traces };
  const instances = await openInstances({ config, runtime, opened, clock, limits, log, instance })
    .catch(close);
  const pins = await openPins({
    runtime,
    opened,
    bus,
    clock,
    limits,
    emit: events.emit,
    logOf: (server) => log.source(server === "" ? "pins" : `upstream.${server}`),
  });
  return {
    ...shared,
    engine,
    bus,
    authenticator,
    oauth,
    grants,
    logins,
    opened,
    pins,
    warden,
    instances,
  };
}

/** The servers of a gateway, from `mcp.json` and the registry. */
export interface GatewayServers extends ConfigurationSources {
  /** Hides the secrets of the first servers from the log, and logs what was said of them. */
  announce(): void;
}

/** Reads the registry; `apply` takes the servers of each later configuration. */
export async function openServers(
  { options, limits, clock, tables, log, opened, bus }: GatewayParts,
  apply: (servers: ServersConfig) => Promise<void>,
): Promise<GatewayServers> {
  const { config, runtime, reading } = options;
  const take = (servers: ServersConfig, before?: ServersConfig): void => {
    log.addSecrets(servers.secrets);
    logServers(log, servers, before);
    options.onServers?.(servers);
  };
  const folder = config.dataDirectory === noDirectory ? "" : config.dataDirectory;
  const { path = `${folder}/mcp.json`, env = runtime.env } = reading ?? {};
  const isShared = opened.stores.owners !== undefined;
  const { registry: store, profiles } = isShared
    ? announceRegistry(opened.stores, bus)
    : opened.stores;
  const sources = await openSources({
    store,
    profiles,
    isShared,
    base: config,
    reading: { path, env, ...readingOf(config, runtime), kinds: tables.kinds },
    clock,
    limits,
    async apply(next, before) {
      take(next, before);
      await apply(next);
    },
  });
  if (isShared) {
    bus.subscribe("storeChanged", ({ what }) => {
      if (what !== "servers") return;
      sources.readAgain().catch((fault: unknown) =>
        log.source("registry").error("Cannot read what another instance has changed", { fault })
      );
    });
  }
  return { ...sources, announce: () => take(sources.current()) };
}

/** What reading an entry needs of the gateway. */
export function readingOf(config: GatewayConfig, { readText, exists }: Runtime) {
  const { dataDirectory, auth } = config;
  return { readText, exists, own: config, authKinds: auth?.kinds ?? [], dataDirectory };
}

/** The log of the process: on the console, and in the data directory where there is one. */
function openLog(options: GatewayOptions, limits: Limits, clock: Clock) {
  const { config, runtime, console, consoleFormat } = options;
  const { dataDirectory, secrets } = config;
  const { logBytesMax, logFilesMax } = limits;
  const bounds = { bytesMax: logBytesMax, filesMax: logFilesMax };
  return createLog({
    level: config.debug ? "DEBUG" : config.logLevel,
    console: console ?? (() => {}),
    format: consoleFormat,
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
