/**
 * What all servers that speak MCP themselves have in common, whatever the wire: lanes, catalog,
 * watchers and supervisor put together, and each call routed to its lane. A kind adds its connector
 * (stdio_upstream.ts, http_upstream.ts). Not here: any of their work.
 */
import type { LaneServerConfig } from "../../config/config.ts";
import { GatewayError, toGatewayError } from "../../errors.ts";
import { type Call, type LogLevel, type Notice } from "../../model.ts";
import { isJsonObject } from "../../protocol/jsonrpc.ts";
import { createCatalogDesk } from "./stored_catalog.ts";
import { createCatalogKeys } from "./catalog_key.ts";
import type { LaneBudget, UpstreamDeps } from "../deps.ts";
import { createExchange, type ExchangeSource, toRefusal } from "../exchange_source.ts";
import type { Lane } from "./connection.ts";
import { changedKinds } from "./lists.ts";
import type { LaneKey } from "./pool_key.ts";
import { createLanes } from "./pool.ts";
import { createLevels } from "./log_levels.ts";
import type { Connector, OpenRequest } from "../link/link.ts";
import { createManners, declaredCapabilities } from "../link/dialect.ts";
import { workingMethods } from "./attribution.ts";
import { createSupervisors } from "./restart_policies.ts";
import type { Upstream } from "../upstream.ts";
import { createStatus, toState } from "../upstream_status.ts";
import { trialScope } from "./trial_caller.ts";
import { createVerdicts } from "./known_dialects.ts";
import { createWatchers } from "../watchers.ts";

/** What a kind adds. */
export interface LanedKind {
  readonly config: LaneServerConfig;
  readonly connector: Connector;
  /** Where lanes take their places. */
  readonly budget: LaneBudget;
  /** What the server's lists may depend on beside callers: command or URL, environment or headers. */
  readonly fingerprint: unknown;
  /** Whether the server lives on without us, and so may have news for whoever listens. */
  readonly livesAlone: boolean;
  /** A call is made on a lane that other callers cannot use. */
  readonly used?: () => void;
}

/** Makes the upstream of one server; nothing is started yet. */
export function createLanedUpstream(kind: LanedKind, deps: UpstreamDeps): Upstream {
  const { config, connector } = kind;
  const { log, limits, clock } = deps;
  const supervisors = createSupervisors(config.name, kind.livesAlone, deps);
  const watchers = createWatchers(deps);
  const levels = createLevels();
  const verdicts = createVerdicts(config.era, createManners(deps.identity), deps);
  /** The scopes that a lane serves, as far as they can be told anything. */
  const scopesOf = ({ scope }: LaneKey): string[] =>
    scope === undefined ? watchers.scopes() : [scope];

  const lanes = createLanes({
    config,
    deps,
    connector,
    verdicts,
    supervisors,
    budget: kind.budget,
    hooks: {
      ready(key, lane, caller) {
        levels.note(caller);
        replay(key, lane);
        if (key.isBase) catalog.laneReady(key, lane, caller);
      },
      renewed(key, lane) {
        replay(key, lane);
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
        const isOwnProcess = scope !== undefined && scope !== trialScope && !kind.livesAlone;
        if (isOwnProcess) await catalog.endTrial();
      },
      outlives: (scope) => catalog.isLearningFor(scope),
      changed: () => status.note(),
      died(key, reason) {
        log.warn("The server ended unexpectedly", { reason });
        catalog.laneDied(key);
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
  const status = createStatus(clock, () => toState(lanes.counts(), supervisors));
  const catalog = createCatalogDesk({
    server: config.name,
    startTimeoutMs: config.startTimeoutMs,
    livesAlone: kind.livesAlone,
    problem: supervisors.problem,
    awayMs: supervisors.awayMs,
    deps,
    lanes,
    watchers,
    keys: createCatalogKeys(kind.config, kind.fingerprint, verdicts, deps),
    mayWarm: (scope) => supervisors.refusal(scope) === undefined && kind.budget.hasRoom(),
  });

  /** The lane on which a scope is subscribed: it may have several, of which one is enough. */
  const holderOf = (scope: string, uri: unknown): Lane | undefined =>
    lanes.serving(scope).find(({ subscriptions }) => subscriptions.isOf(scope, uri));
  /** Brings a new lane to where the last one was: log level and subscriptions. */
  const replay = (key: LaneKey, lane: Lane): void => {
    setLevel(key, lane);
    if (!key.isBase) return;
    for (const scope of scopesOf(key)) {
      for (const uri of watchers.subscriptions(scope)) {
        if ((holderOf(scope, uri) ?? lane) !== lane) continue;
        if (!lane.manner.stateless) unheard(lane.request("resources/subscribe", { uri }));
        lane.subscriptions.add(uri, scope);
      }
    }
    if (lane.manner.stateless && lane.subscriptions.count() > 0) void lane.listen();
  };
  const setLevel = (key: LaneKey, lane: Lane): void => {
    const level = levels.of(key.scope);
    if (level !== undefined && hasLevel(lane)) {
      unheard(lane.request("logging/setLevel", { level }));
    }
  };
  const unheard = (request: Promise<unknown>): void => {
    request.catch((error) => log.info("The server refused", { error: String(error) }));
  };

  /** The lane of a call, and what is to be done when the call is over. */
  const laneOf = async ({ method, caller }: Call): Promise<[Lane, () => void]> => {
    const base = await lanes.forCall(caller);
    if (base.manner.stateless || caller.deferred !== true) return [base, () => {}];
    const mayAsk = workingMethods.has(method) && !connector.ownsQuestions &&
      config.isolation === "session" &&
      Object.keys(declaredCapabilities(config, caller)).length > 0;
    const lease = mayAsk ? lanes.lease(caller) : undefined;
    try {
      const lane = lease === undefined ? base : await lease.lane;
      // Log lines are filtered for each request by its binding; the server has one level for all.
      if (caller.logLevel !== undefined && hasLevel(lane) && !leveled.has(lane)) {
        leveled.add(lane);
        await lane.request("logging/setLevel", { level: "debug" }).catch(() => {});
      }
      return [lane, () => lease?.release()];
    } catch (thrown) {
      lease?.release();
      throw thrown;
    }
  };
  const leveled = new WeakSet<Lane>();

  const open: Upstream["open"] = (call) => {
    let request: OpenRequest | undefined;
    const source = createExchange({ limits, clock }, {
      cancelled: (reason) => request?.cancel(reason),
      asking: (isOpen) => isOpen ? request?.hold() : request?.resume(),
    });
    const { caller } = call;
    if (call.method === "logging/setLevel") {
      levels.note({ ...caller, logLevel: call.params["level"] as LogLevel });
      const key = lanes.keyOf(caller);
      for (const lane of lanes.serving(caller.scope)) setLevel(key, lane);
      source.end({ kind: "result", value: {} });
      return source.exchange;
    }
    const { target = {} } = call;
    const work = (lane: Lane, ended: () => void): void => {
      if (source.ended()) return ended();
      target.isSent = true;
      if (lanes.keyOf(caller).scope !== undefined) kind.used?.();
      request = openOnLane(lane, call, source, ended);
    };
    const holder = subscribing.has(call.method)
      ? holderOf(caller.scope, call.params["uri"])
      : undefined;
    const running = holder ?? (caller.deferred === true ? undefined : lanes.running(caller));
    if (running !== undefined) work(running, () => {});
    else {
      target.isSent = false;
      laneOf(call).then(([lane, ended]) => work(lane, ended))
        .catch((thrown) => source.end({ kind: "failure", error: toGatewayError(thrown) }));
    }
    return source.exchange;
  };

  return {
    name: config.name,
    async describe(caller) {
      const description = await catalog.describe(caller);
      if (kind.livesAlone) catalog.warm(caller);
      if (config.isolation !== "shared") return description;
      // On one lane for all, everybody could see and end everybody's tasks.
      const { tasks: _, ...capabilities } = description.capabilities;
      return { ...description, capabilities };
    },
    list: catalog.list,
    freshness: (kind, caller) => lanes.running(caller)?.lists.freshness(kind),
    open,
    notify(caller, method, params) {
      // Only a server that was told of this client's roots may hear of them.
      const declared = config.isolation === "session" && config.roots === "relay" &&
        declaredCapabilities(config, caller)["roots"] !== undefined;
      if (method === "notifications/roots/list_changed" && !declared) return;
      const lane = lanes.running(caller);
      if (config.isolation === "session" && lane?.manner.stateless === false) {
        lane.notify(method, params);
      }
    },
    watch: watchers.add,
    endScope(scope) {
      watchers.forget(scope);
      lanes.endScope(scope);
      catalog.forget(scope);
      levels.forget(scope);
      supervisors.forget(scope);
    },
    trial: catalog.trial,
    status() {
      const problem = supervisors.problem() ?? supervisors.dying();
      return {
        ...status.now(),
        lanes: lanes.counts().running,
        tools: catalog.toolCount(),
        problem,
        error: problem === undefined ? undefined : "upstream_unavailable",
      };
    },
    async close() {
      catalog.close();
      await lanes.close();
    },
  };
}

const subscribing: ReadonlySet<string> = new Set([
  "resources/subscribe",
  "resources/unsubscribe",
]);

function hasLevel({ manner, description }: Lane): boolean {
  return !manner.stateless && isJsonObject(description.capabilities["logging"]);
}

/** Makes a call on a lane; subscriptions are counted, so that scopes that share a lane do not end each other's. */
function openOnLane(
  lane: Lane,
  call: Call,
  source: ExchangeSource,
  ended: () => void,
): OpenRequest | undefined {
  const { method, params: { uri }, caller: { scope } } = call;
  const { subscriptions } = lane;
  const done = (): void => source.end({ kind: "result", value: {} });
  if (method === "resources/subscribe" && typeof uri === "string") {
    if (lane.manner.stateless || subscriptions.has(uri)) {
      const isNew = !subscriptions.has(uri);
      subscriptions.add(uri, scope);
      if (isNew) lane.listen().then(done);
      else done();
      return void ended();
    }
    return lane.open(call, source, (succeeded) => {
      ended();
      if (succeeded) subscriptions.add(uri, scope);
    });
  }
  if (method === "resources/unsubscribe" && typeof uri === "string") {
    const isLast = subscriptions.remove(uri, scope);
    if (isLast && lane.manner.stateless) void lane.listen();
    if (!isLast || lane.manner.stateless) {
      done();
      return void ended();
    }
  }
  return lane.open(call, source, ended);
}
