/**
 * The composition root and public entry: puts the parts together and gives back a plain fetch
 * handler. It names no runtime, reads no environment and opens no socket: `src/main` does, and
 * anybody's own server can.
 */
import {
  type AuthenticatorKinds,
  authenticatorKinds,
  createAuthenticator,
} from "./auth/authenticator_kinds.ts";
import { type Clock, systemClock } from "./clock.ts";
import type { GatewayConfig, ServersConfig } from "./config/config.ts";
import { sameServer } from "./config/same_server.ts";
import { createCredentialStore } from "./store/credentials.ts";
import { createStorageCheck, openStoreDatabase } from "./store/database.ts";
import { createGatewayCore } from "./gateway/gateway.ts";
import { createHttpHandler } from "./http/routes.ts";
import { defaultLimits, type Limits } from "./limits.ts";
import { createLog, type Log } from "./log.ts";
import type { FetchHandler, Runtime, SqlDatabase } from "./runtime/runtime.ts";
import { countEvents, type Counts } from "./telemetry/counts.ts";
import { createLogReader } from "./telemetry/log_reader.ts";
import { createEvents, type Events } from "./telemetry/events.ts";
import { createSealer, makeKey, type Sealer } from "./seal.ts";
import { sessionStoreKinds } from "./store/session_kinds.ts";
import type { SessionStore } from "./session/session_store.ts";
import { createProcessLimit } from "./upstream/mcp/process_limit.ts";
import { createCatalogStore } from "./store/catalogs.ts";
import { createCorrectionLog } from "./upstream/catalog/correction_log.ts";
import { upstreamKinds } from "./upstream/upstream_kinds.ts";
import { createSpares } from "./upstream/stdio/spares.ts";
import { openWarden } from "./upstream/stdio/warden.ts";
import { identity } from "./version.ts";

/** What can be added to a gateway, one member for each kind of thing; each row stands for itself. */
export interface Tables {
  /** Who makes a request is decided by one of these, which `GatewayConfig.authenticator` names. */
  readonly authenticatorKinds: AuthenticatorKinds;
}

/** What a gateway has of itself. */
export const defaultTables: Tables = { authenticatorKinds };

/** What a gateway is made from. */
export interface GatewayOptions {
  readonly config: GatewayConfig;
  readonly runtime: Runtime;
  /** Bounds that differ from the defaults. */
  readonly limits?: Partial<Limits>;
  readonly clock?: Clock;
  /** Tables in the place of the defaults. */
  readonly tables?: Partial<Tables>;
  /** Where log lines are shown; absent: only the log file has them. */
  readonly console?: (line: string) => void;
}

/** A running gateway without a socket. */
export interface GatewayHandle {
  /** Answers every request of every client; never rejects. */
  readonly fetch: FetchHandler;
  readonly log: Log;
  /** Calls a reader for each event from now on: see `GatewayEvent`. */
  readonly observe: Events["read"];
  /** How often each kind of event happened so far. */
  readonly counts: () => Counts;
  /** Takes a new reading of the servers: only what changed is added, removed or made anew. */
  reload(servers: ServersConfig): Promise<void>;
  /** Refuses new work and ends open streams; resolves when the running calls have finished. */
  drain(): Promise<void>;
  /** Stops all servers and lets go of the data directory. */
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
  const log = openLog(options, limits, clock);
  const tables: Tables = { ...defaultTables, ...options.tables };
  const authenticator = createAuthenticator(
    config.authenticator ?? "none",
    tables.authenticatorKinds,
    { clock, limits, log: log.source("auth") },
  );
  const events = createEvents((thrown) =>
    log.error("Cannot read an event", { error: String(thrown) })
  );
  events.read(createLogReader(log));
  const counts = countEvents(events);
  const { key, operatorToken, database } = await openData(config, runtime, limits, log);
  log.addSecrets(operatorToken === undefined ? [key] : [key, operatorToken]);
  const sealer = await createSealer(key);
  const stores = { database, sealer, clock, limits, log };
  const { sessions, catalogs, credentialStore } = createStores(stores);
  const storage = createStorageCheck({ database, clock, limits, log: log.source("database") });
  const watched: SessionStore["create"] = (record) =>
    sessions.create(record).catch((fault) => {
      storage.suspect();
      throw fault;
    });
  const warden = await openWarden({ runtime, database, clock, limits, log: log.source("warden") });
  const ceilings = createCeilings(limits, clock);

  const instance = crypto.randomUUID();
  const gateway = createGatewayCore({
    servers: config,
    create: (server) => {
      const own = log.source(`upstream.${server.name}`);
      return upstreamKinds.create(server, {
        runtime,
        limits,
        clock,
        log: own,
        emit: events.emit,
        corrections: createCorrectionLog(server.name, own, limits),
        catalogs,
        ...ceilings,
        warden,
        digest: sealer.digest,
        credentialStore,
        addSecrets: log.addPassingSecrets,
        identity,
        instance,
      });
    },
    sameServer,
    limits,
    clock,
    log: log.source("gateway"),
    sealer,
    debug: config.debug,
    tryServers: config.tryServers ?? true,
  });
  const http = createHttpHandler({
    gateway,
    authenticator,
    sessions: { ...sessions, create: watched },
    limits,
    clock,
    log: log.source("http"),
    emit: events.emit,
    identity,
    instance,
    addresses: runtime.addresses,
    config,
    operatorToken,
    storageProblem: storage.problem,
  });
  warn(log, config);
  http.open();

  return {
    fetch: http.fetch,
    log,
    observe: events.read,
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
      await sessions.close();
      closeDatabase(database, log);
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
    ...(dataDirectory === ":memory:"
      ? {}
      : { file: runtime.openLog(`${dataDirectory}/logs/server.log`, bounds) }),
  });
}

/** What is kept in the database. */
function createStores(
  { log, ...options }: {
    readonly database: SqlDatabase;
    readonly sealer: Sealer;
    readonly clock: Clock;
    readonly limits: Limits;
    readonly log: Log;
  },
) {
  return {
    sessions: sessionStoreKinds.sqlite({ ...options, log: log.source("session") }),
    catalogs: createCatalogStore({ ...options, log: log.source("catalog") }),
    credentialStore: createCredentialStore({ ...options, log: log.source("credentials") }),
  };
}

/** The key and the database of the data directory. */
async function openData(config: GatewayConfig, runtime: Runtime, limits: Limits, log: Log) {
  const { dataDirectory: directory, secret } = config;
  if (directory === ":memory:") {
    const database = openStoreDatabase(runtime, directory, limits, log);
    return { key: secret ?? makeKey(), operatorToken: undefined, database };
  }
  try {
    // Its lock first: only one gateway makes a key.
    const database = openStoreDatabase(runtime, `${directory}/mcp-wrapper.db`, limits, log);
    const key = secret ?? await readKey(runtime, `${directory}/secret.key`);
    return { key, operatorToken: await readKey(runtime, `${directory}/operator.token`), database };
  } catch (fault) {
    const reason = fault instanceof Error ? fault.message : String(fault);
    // Some faults are sentences of ours already; the system's own say neither where nor what to do.
    if (reason.startsWith("Cannot ")) throw fault;
    throw new Error(
      `Cannot use the data directory "${directory}": ${reason}; ` +
        "fix it or choose another by MCP_DATA_DIR",
      { cause: fault },
    );
  }
}

/** A key kept in the data directory, made at the first start. */
async function readKey(runtime: Runtime, path: string): Promise<string> {
  const kept = (await runtime.readText(path))?.trim();
  if (kept !== undefined && kept !== "") return kept;
  const made = makeKey();
  await runtime.writeText(path, made);
  return made;
}

function warn(log: Log, servers: ServersConfig): void {
  for (const note of servers.notes ?? []) log.info(note);
  for (const warning of servers.warnings) log.warn(warning);
  for (const server of servers.servers) {
    if (server.kind === "failed") log.error(server.problem, { server: server.name });
  }
}

function closeDatabase(database: SqlDatabase, log: Log): void {
  try {
    database.close();
  } catch (thrown) {
    log.error("Cannot close the database", { error: thrown });
  }
}
