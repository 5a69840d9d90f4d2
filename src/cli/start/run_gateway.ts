/**
 * A running gateway on any runtime. The environment becomes a configuration, a gateway and a
 * listener. Then the program watches the configuration file and handles signals until
 * it stops. Each way in which the start can fail ends with one sentence on stderr and its own exit
 * code. The gateway itself is app.ts.
 */
import { createGateway, defaultTables, type GatewayHandle } from "../../app.ts";
import { systemClock, withDeadline } from "../../clock.ts";
import { authOf, type StartConfig } from "../../config/environment.ts";
import {
  readDefaultServers,
  readServers,
  readServersFile,
  type ReadServersOptions,
} from "../../config/mcp_json.ts";
import { noDirectory, type Places } from "../../config/places.ts";
import { isCorrupt } from "../../store/database.ts";
import { defaultLimits } from "../../limits.ts";
import { type LogRecord, terminalLook, toLine } from "../../log_line.ts";
import type { Runtime, WatchLimits } from "../../runtime/runtime.ts";
import { colour, wantsColours } from "../colours.ts";
import { exitCodes } from "../exit_codes.ts";
import { isSameData } from "../same_data.ts";
import { keepToOwnPackages } from "../own_packages.ts";
import type { Platform } from "../platform.ts";
import { onStopSignals } from "../signals.ts";
import type { Surroundings } from "../surroundings.ts";
import { announceGateway } from "./gateway_file.ts";
import { isWildcard } from "./listen_address.ts";
import { showPageLink } from "./show_page_link.ts";
import { readStart } from "./read_start.ts";
import { assertAttachable, type OpenListeners, openListeners } from "./listeners.ts";

/** What servers of the configuration may be. */
const reading = { kinds: defaultTables.kinds } as const;

/** How a gateway is started. */
export interface StartOptions {
  /** Stops it when no program is attached to its admin API any more. */
  readonly untilUnattached?: boolean;
}

/** Starts the gateway, which runs until a signal stops it. Rejects if it cannot start. */
export async function startGateway(
  platform: Platform,
  surroundings: Surroundings,
  { untilUnattached = false }: StartOptions = {},
): Promise<void> {
  const limits = { ...defaultLimits, ...platform.limits };
  let stop: () => void = () => {};
  let isStopped = false;
  let isStale = false;
  // Until the gateway can take another configuration.
  let reload: () => Promise<void> = async () => void (isStale = true);
  const reloadInBackground = () => void reload().catch(() => {});
  onStopSignals(platform, {
    first() {
      isStopped = true;
      stop();
    },
    // If the gateway ends without stopping its children, the warden kills them.
    again: () => platform.exit(exitCodes.failed),
    hangUp: reloadInBackground,
  });
  const served: { gateway?: GatewayHandle } = {};
  platform.onFault((fault) => hearFault(platform, served.gateway, fault));
  const { places, envFiles } = surroundings;
  const { start, env, readEnv, note } = await readStart(platform, surroundings);
  if (untilUnattached) assertAttachable(start);
  await keepToOwnPackages(platform.runtime, places);
  // From here on an edit is noticed, though the gateway is still starting.
  const watches = createWatches(platform.runtime, limits, reloadInBackground);
  let watch = (files: readonly string[]) => watches.set([start.configPath, ...files]);
  watch(start.config.files);
  const running = await createGateway({
    config: start.config,
    runtime: platform.runtime,
    reading: { path: start.configPath, env },
    onServers: ({ files }) => watch(files),
    ...(platform.limits === undefined ? {} : { limits: platform.limits }),
    // Bun prints all that console.error writes in red. A gateway that a client started has no
    // terminal: its log file is enough.
    console: untilUnattached ? () => {} : (line) => console.warn(line),
    consoleFormat: consoleFormatOf(platform),
  });
  served.gateway = running;
  const startedAt = new Date(systemClock.wall()).toISOString();
  const facts = {
    startedAt,
    reload: () => reload(),
    clients: (url: string) => readSnippets(platform, surroundings, start, url),
  };
  const listeners = await openListeners(platform, running, start, facts);
  const forget = announceGateway(platform.system, running, start.config, {
    startedAt,
    url: listeners.url,
    adminUrl: listeners.adminUrl,
  });
  // The system may have chosen the port.
  const own = { ...start.config, port: listeners.port };
  reload = createReloader(platform, running, start, { places, readEnv, own });
  if (isStale) reloadInBackground();
  stop = () => {
    stop = () => {};
    watch = () => {};
    watches.set([]);
    reload = async () => {};
    void stopGateway(platform, running, listeners, forget);
  };
  greet(platform, running, listeners, start, places);
  if (!untilUnattached) showPageLink(platform, running, listeners);
  if (note !== undefined) running.log[note.level](note.text);
  if (envFiles.length > 0) running.log.info(`Reads variables from ${envFiles.join(", then ")}`);
  running.internal?.onDrain(() => stop());
  if (untilUnattached) {
    running.admin?.onUnattached(() => {
      running.log.info("No program is attached any more");
      stop();
    });
  }
  // A signal that arrived during all this.
  if (isStopped) stop();
}

/** How clients connect to this gateway; loaded when the operator's page asks. */
async function readSnippets(
  platform: Platform,
  { env, places }: Surroundings,
  { config: { auth, publicUrl } }: StartConfig,
  url: string,
) {
  const { makeSnippets } = await import("../clients/client_snippets.ts");
  return await makeSnippets({ platform, env, places }, { url, publicUrl, auth });
}

/** A person at a terminal gets short local times, and colours where they are wanted. */
function consoleFormatOf({ runtime: { env }, system }: Platform): (record: LogRecord) => string {
  const isTerminal = system.isTerminal("stderr");
  const mark = wantsColours(env, isTerminal) ? colour : (_: string, text: string) => text;
  const { time, ...look } = terminalLook(mark, systemClock.wall);
  return (record) => toLine(record, { ...look, time: isTerminal ? time : (utc) => utc });
}

function greet(
  { runtime }: Platform,
  { log, registry, servers }: GatewayHandle,
  { url, adminUrl }: OpenListeners,
  { config, configPath, notes, emptyNotes, warnings }: StartConfig,
  { configWhy, dataWhy }: Places,
): void {
  log.info(`Serving MCP at ${url}/mcp`, {
    servers: servers().filter(({ enabled }) => enabled).length,
    runtime: runtime.name,
    auth: config.auth?.kinds.join(",") ?? "none",
    config: configPath,
    data: config.dataDirectory,
    ...(isWildcard(config.host) ? { addresses: "all" } : {}),
    ...(config.publicUrl === undefined ? {} : { public: `${config.publicUrl}/mcp` }),
    ...(adminUrl === undefined ? {} : { admin: adminUrl }),
  });
  const data = config.dataDirectory === noDirectory
    ? "keeps nothing"
    : `keeps its data in ${config.dataDirectory}`;
  const why = configWhy === dataWhy ? "" : ` (${configWhy})`;
  log.info(`Reads ${configPath}${why} and ${data} (${dataWhy})`);
  const isEmpty = registry.list().length === 0;
  for (const note of notes) if (isEmpty || !emptyNotes.includes(note)) log.info(note);
  for (const warning of warnings) log.warn(warning);
}

/** Watches the files that the configuration is made of, whichever they are now. */
function createWatches({ watch }: Runtime, limits: WatchLimits, changed: () => void) {
  const watched = new Map<string, { close(): void }>();
  return {
    set(paths: readonly string[]): void {
      for (const [path, watcher] of watched) {
        if (paths.includes(path)) continue;
        watcher.close();
        watched.delete(path);
      }
      for (const path of paths) {
        if (!watched.has(path)) watched.set(path, watch(path, changed, limits));
      }
    },
  };
}

/**
 * Reads the servers again, one reading at a time. An unusable file changes nothing, nor does one
 * that was removed: it is logged, and the promise rejects. While there has been no file, other files
 * of the configuration may still change.
 */
function createReloader(
  { runtime }: Platform,
  gateway: GatewayHandle,
  { configPath: path, config }: StartConfig,
  { places: { dataDirectory }, readEnv, own }:
    & Pick<ReadServersOptions, "own">
    & Pick<Surroundings, "places" | "readEnv">,
): () => Promise<void> {
  let hasFile = config.servers.every(({ definedIn }) => definedIn !== "built-in");
  let last = Promise.resolve();
  let waiting: Promise<void> | undefined;
  const reloadOnce = async () => {
    waiting = undefined;
    try {
      const { readText, exists } = runtime;
      // An import writes variables to .env first, and then the servers that use them.
      const env = await readEnv();
      // The kinds of authentication are those of the start.
      const authKinds = config.auth?.kinds ?? [];
      const options = { env, own, authKinds, ...reading, path, dataDirectory, readText, exists };
      const file = await readServersFile(options);
      hasFile ||= file !== undefined;
      const servers = hasFile ? await readServers(options) : await readDefaultServers(options);
      await gateway.reload(servers);
      gateway.log.info(`Read ${path} again`, { servers: servers.servers.length });
      if (!isSameData(authOf(env, file), config.auth)) {
        gateway.log.warn(
          `"auth" of ${path} or MCP_AUTH has changed: restart the gateway for that to take effect`,
        );
      }
    } catch (fault) {
      gateway.log.error("Cannot reload the configuration; the running one stays", { fault });
      throw fault;
    }
  };
  return () => {
    // One more reading covers any number of changes seen while another is running.
    waiting ??= last.then(reloadOnce);
    last = waiting.catch(() => {});
    return waiting;
  };
}

async function stopGateway(
  platform: Platform,
  gateway: GatewayHandle,
  listeners: OpenListeners,
  forget: () => Promise<void>,
): Promise<void> {
  const { drainMs, flushMs, leaveMs, stopMs } = gateway.limits;
  gateway.log.info("Stopping: running calls may finish", { withinMs: drainMs });
  // Each step has its own deadline; this one is for a fault in the steps.
  setTimeout(() => {
    console.error("Cannot stop in time: exiting with unfinished work");
    platform.exit(exitCodes.failed);
  }, (gateway.internal === undefined ? 0 : leaveMs) + drainMs + 4 * stopMs);
  try {
    await forget();
    // Other instances take the sessions over while this one goes on serving.
    await withDeadline(systemClock, gateway.limits.leaveMs, gateway.handOver(), () => {});
    // The port stays open meanwhile: a running call may need its client's answer, and new work gets
    // a refusal with its reason.
    const begunAt = systemClock.monotonic();
    await withDeadline(systemClock, drainMs, gateway.drain(), () => {});
    const restMs = drainMs - (systemClock.monotonic() - begunAt);
    // Calls that still run get an error first, so that no client sees only a closed connection.
    const closed = gateway.close();
    await listeners.close(Math.max(flushMs, restMs));
    await closed;
    platform.exit(exitCodes.ok);
  } catch (fault) {
    console.error(`Cannot stop cleanly: ${fault instanceof Error ? fault.message : fault}`);
    platform.exit(exitCodes.failed);
  }
}

/**
 * Unhandled faults are logged, and the gateway continues unless nothing can be trusted after them
 * (case P18).
 */
function hearFault(
  platform: Platform,
  gateway: GatewayHandle | undefined,
  fault: unknown,
): void {
  const text = fault instanceof Error ? fault.message : String(fault);
  const last = isCorrupt(fault)
    ? `The database is corrupt (${text}): exiting; the next start sets it aside and uses a new one`
    : /out of memory|allocation failed/i.test(text)
    ? `Out of memory (${text}): exiting`
    : undefined;
  const line = last ?? "Caught an unexpected fault; the gateway continues";
  if (gateway === undefined) console.error(`${line}: ${text}`);
  else gateway.log.error(line, { fault });
  if (last !== undefined) platform.exit(exitCodes.failed);
}
