/**
 * The kind `stdio`: a local program, a process for each scope that calls it or one for all. Puts
 * lanes, catalog, watchers and supervisor together, and routes each call to its lane. Not here: any
 * of their work.
 */
import type { StdioServerConfig } from "../config/config.ts";
import { type GatewayError, toGatewayError } from "../errors.ts";
import {
  type Call,
  type Caller,
  type ListKind,
  listKinds,
  type LogLevel,
  logLevels,
  type Notice,
} from "../model.ts";
import { isJsonObject } from "../protocol/jsonrpc.ts";
import { createCatalogDesk } from "./catalog.ts";
import type { UpstreamDeps } from "./deps.ts";
import { createExchange, type ExchangeSource } from "./exchange.ts";
import type { Lane } from "./lane.ts";
import { listKindNames } from "./lane_lists.ts";
import { createLanes, sharedKey } from "./lanes.ts";
import { declaredCapabilities, wireKey } from "./negotiate.ts";
import type { OpenRequest } from "./peer.ts";
import { createSupervisor } from "./supervisor.ts";
import type { CreateUpstream, Upstream, UpstreamStatus } from "./upstream.ts";
import { createWatchers } from "./watchers.ts";

/** Makes the upstream of one local program; nothing is started yet. */
export const createStdioUpstream: CreateUpstream<StdioServerConfig> = (config, deps) => {
  const { log, limits, clock } = deps;
  const supervisor = createSupervisor(config.name, deps);
  const watchers = createWatchers(deps);
  const levels = createLevels();

  const lanes = createLanes(config, deps, supervisor, {
    ready(key, lane, caller) {
      levels.note(caller);
      replay(key, lane);
      catalog.laneReady(key, lane, caller);
    },
    notice(key, notice) {
      const kinds = changedKinds(notice);
      if (kinds.length > 0) {
        catalog.listsChanged(key, kinds);
        return true;
      }
      if (key !== sharedKey) return watchers.tell(key, notice);
      if (notice.method !== "notifications/resources/updated") return false;
      const uri = String(notice.params["uri"]);
      const subscribed = watchers.scopes().filter((scope) =>
        watchers.subscriptions(scope).has(uri)
      );
      for (const scope of subscribed) watchers.tell(scope, notice);
      return subscribed.length > 0;
    },
    ask: (key, { method, params }, signal) => watchers.ask(key, method, params, signal),
    died(key, reason) {
      log.warn("The server's process ended unexpectedly", { reason });
      catalog.laneDied(key);
      const data = `Server "${config.name}" ended unexpectedly (${reason}); ` +
        "the next call starts it again, without what it kept in memory";
      const notice: Notice = {
        kind: "notice",
        method: "notifications/message",
        params: { level: "warning", logger: config.name, data },
      };
      for (const scope of key === sharedKey ? watchers.scopes() : [key]) {
        watchers.tell(scope, notice);
      }
    },
  });
  const catalog = createCatalogDesk({
    server: config.name,
    deps,
    lanes,
    watchers,
    keyOf: createCatalogKey(config, deps),
    mayWarm: () => supervisor.refusal() === undefined,
  });

  /** Brings a new process to where the last one was: log level and subscriptions. */
  const replay = (key: string, lane: Lane): void => {
    setLevel(key, lane);
    for (const scope of key === sharedKey ? watchers.scopes() : [key]) {
      for (const uri of watchers.subscriptions(scope)) {
        if (!lane.subscriptions.has(uri)) unheard(lane.request("resources/subscribe", { uri }));
        lane.subscriptions.add(uri, scope);
      }
    }
  };
  const setLevel = (key: string, lane: Lane): void => {
    const level = levels.of(key);
    if (level === undefined || !isJsonObject(lane.description.capabilities["logging"])) return;
    unheard(lane.request("logging/setLevel", { level }));
  };
  const unheard = (request: Promise<unknown>): void => {
    request.catch((error) => log.info("The server refused", { error: String(error) }));
  };

  const open: Upstream["open"] = (call) => {
    let request: OpenRequest | undefined;
    const source = createExchange({ limits, clock }, {
      cancelled: (reason) => request?.cancel(reason),
      asking: (isOpen) => isOpen ? request?.hold() : request?.resume(),
    });
    const work = (lane: Lane): void => {
      if (!source.ended()) request = openOnLane(lane, call, source);
    };
    if (call.method === "logging/setLevel") {
      levels.note({ ...call.caller, logLevel: call.params["level"] as LogLevel });
      const lane = lanes.running(call.caller.scope);
      if (lane !== undefined) setLevel(lanes.keyOf(call.caller.scope), lane);
      source.end({ kind: "result", value: {} });
      return source.exchange;
    }
    const running = lanes.running(call.caller.scope);
    if (running !== undefined) work(running);
    else lanes.get(call.caller).then(work).catch((thrown) => fail(source, toGatewayError(thrown)));
    return source.exchange;
  };

  return {
    name: config.name,
    describe: catalog.describe,
    list: catalog.list,
    open,
    notify(caller, method, params) {
      // Only a server that was told of this client's roots may hear of them.
      const declared = config.isolation === "session" && config.roots === "relay" &&
        declaredCapabilities(config, caller)["roots"] !== undefined;
      if (method === "notifications/roots/list_changed" && !declared) return;
      if (config.isolation === "session") lanes.running(caller.scope)?.notify(method, params);
    },
    watch: watchers.add,
    endScope(scope) {
      watchers.forget(scope);
      lanes.endScope(scope);
      catalog.forget(scope);
      levels.forget(scope);
    },
    status: () => toStatus(lanes.counts(), supervisor),
    async close() {
      catalog.close();
      await lanes.close();
    },
  };
};

function fail(source: ExchangeSource, error: GatewayError): void {
  source.end({ kind: "failure", error });
}

/** Makes a call on a lane; subscriptions are counted, so that scopes that share a process do not end each other's. */
function openOnLane(lane: Lane, call: Call, source: ExchangeSource): OpenRequest | undefined {
  const { method, params, caller: { scope } } = call;
  const uri = params["uri"];
  const { subscriptions } = lane;
  if (method === "resources/subscribe" && typeof uri === "string") {
    if (subscriptions.has(uri)) {
      subscriptions.add(uri, scope);
      return void source.end({ kind: "result", value: {} });
    }
    return lane.open(call, source, (succeeded) => succeeded && subscriptions.add(uri, scope));
  }
  if (method === "resources/unsubscribe" && typeof uri === "string") {
    const isLast = subscriptions.remove(uri, scope);
    if (!isLast) return void source.end({ kind: "result", value: {} });
  }
  return lane.open(call, source);
}

/** The lists that a notice says have changed. */
function changedKinds({ method }: Notice): ListKind[] {
  return listKindNames.filter((kind) =>
    method === `notifications/${listKinds[kind].capability}/list_changed`
  );
}

/** The log level of each scope; a shared process gets the least severe that anybody wants. */
function createLevels() {
  const levels = new Map<string, LogLevel>();
  return {
    note({ scope, logLevel }: Caller): void {
      if (logLevel !== undefined) levels.set(scope, logLevel);
    },
    of(laneKey: string): LogLevel | undefined {
      if (laneKey !== sharedKey) return levels.get(laneKey);
      return logLevels.find((level) => [...levels.values()].includes(level));
    },
    forget: (scope: string) => void levels.delete(scope),
  };
}

/** The catalog's key: all that a server's lists may depend on; values are digested with a key. */
function createCatalogKey(
  config: StdioServerConfig,
  deps: UpstreamDeps,
): (caller: Caller) => Promise<string> {
  const { command, args, cwd, environment, isolation, roots } = config;
  const fixed = [wireKey, command, args, cwd ?? null, sorted(environment), isolation, roots];
  const digests = new Map<string, Promise<string>>();
  return (caller) => {
    const capabilities = JSON.stringify(sorted(declaredCapabilities(config, caller)));
    const known = digests.get(capabilities);
    if (known !== undefined) return known;
    const digest = deps.digest(JSON.stringify([...fixed, capabilities]));
    // What clients declare is theirs to choose: the map starts anew rather than grow.
    if (digests.size >= deps.limits.catalogsPerServerMax) digests.clear();
    digests.set(capabilities, digest);
    return digest;
  };
}

/** The same value with the members of every object in one order. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isJsonObject(value)) return value;
  return Object.entries(value)
    .sort(([left], [right]) => left < right ? -1 : 1)
    .map(([key, member]) => [key, sorted(member)]);
}

function toStatus(
  counts: { readonly starting: number; readonly running: number },
  supervisor: { state(): "well" | "crash_loop" | "failed"; problem(): string | undefined },
): UpstreamStatus {
  const verdict = supervisor.state();
  const state = verdict !== "well"
    ? verdict
    : counts.running > 0
    ? "running"
    : counts.starting > 0
    ? "starting"
    : "idle";
  return { state, lanes: counts.running, problem: supervisor.problem() };
}
