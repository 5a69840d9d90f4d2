/**
 * One connection: a link on which the server has answered, the calls under way on it, its lists and
 * subscriptions. It decides whose an unsolicited notice or question is, fails its calls at once
 * when the link breaks, and stops itself when idle for long. Which scope it serves, and when one is
 * started, is for pool.ts; what is below the link, for the connectors.
 */
import type { McpServerConfig } from "../../config/config.ts";
import { GatewayError } from "../../errors.ts";
import type { Call, Description, Ending, JsonObject, Result } from "../../model.ts";
import type { UpstreamDeps } from "../deps.ts";
import type { ExchangeSource } from "../exchange_source.ts";
import { exitedError } from "../link/start_errors.ts";
import type { CallBasis } from "./call_options.ts";
import { UpstreamCall } from "./upstream_call.ts";
import { createListVariants, type ListVariants } from "./list_variants.ts";
import { listContextOf } from "../link/client_shown.ts";
import type { Connected, Connector, LinkRequest, OpenRequest } from "../link/link.ts";
import type { Dialect } from "../link/dialect.ts";
import type { AttributedCalls, Attribution } from "./attribution.ts";
import {
  type ServerMessageEvents,
  type ServerMessageOptions,
  type ServerMessages,
} from "./server_messages.ts";
import { createListenRequest, type ListenRequest } from "./listen_request.ts";
import { createRunningTasks, type RunningTasks } from "./running_tasks.ts";
import { createScopeSubscriptions, type ScopeSubscriptions } from "./subscriptions.ts";

/** Who hears a connection. */
export interface ConnectionEvents extends ServerMessageEvents {
  /** It takes no more calls; `died` gives the reason for an unexpected end. */
  left(died: string | undefined): void;
  /** The server wants a log-in, as this error says; undefined: it answered a request. */
  login?(refused: GatewayError | undefined): void;
  /** The server lost its state (log level, subscriptions), though the connection goes on. */
  renewed(): void;
  /** Nothing of it is left; called too when the start fails. */
  gone(): void;
}

/** What a connection is started with. */
export interface ConnectionOptions extends ServerMessageOptions {
  readonly config: McpServerConfig;
  readonly deps: UpstreamDeps;
  readonly connector: Connector;
  readonly dialects: readonly Dialect[];
  /** Whether it was started for no client: then it ends soon unless a call uses it. */
  readonly isTrial: boolean;
  /** The name of its client, as the server gets it. */
  readonly clientTitle?: string | undefined;
  /** How far calls of a server that asks by requests can be told apart. */
  readonly attribution: Attribution;
  readonly hooks: ConnectionEvents;
}

/** A running connection. */
export interface Connection {
  readonly dialect: Dialect;
  /** The revision that was agreed on, as far as its link says. */
  readonly revision?: string | undefined;
  readonly description: Description;
  readonly lists: ListVariants;
  readonly subscriptions: ScopeSubscriptions;
  /**
   * Makes a call whose replies go to `source`; `ended` is called when it is over, cancelled or not.
   */
  open(call: Call, source: ExchangeSource, ended?: (succeeded: boolean) => void): OpenRequest;
  /** A request of the gateway itself. */
  request(method: string, params: JsonObject): Promise<JsonObject>;
  notify(method: string, params: JsonObject): void;
  /** The subscriptions have changed, on connections that have a listen request. */
  listen(): Promise<void>;
  /** Ends what a scope has under way here. */
  endScope(scope: string): void;
  /** Whether what its server says now may belong to a call that was given up. */
  isDoubtful(): boolean;
  /** Since when it has had nothing to do; undefined while it is in use. */
  idleSince(): number | undefined;
  /** Since when all its calls wait for their clients; undefined where that is not so. */
  restingSince(): number | undefined;
  /** Gives up the calls that wait for their clients. */
  giveWay(): void;
  /** Ends it; open calls fail first. Resolves when nothing of it is left. */
  stop(): Promise<void>;
}

/** The parts of a running connection, and where it stands. */
export interface RunningConnection {
  readonly options: ConnectionOptions;
  readonly connected: Connected;
  readonly calls: AttributedCalls;
  readonly route: ServerMessages;
  readonly subscriptions: ScopeSubscriptions;
  readonly listenRequest: ListenRequest;
  readonly tasks: RunningTasks;
  isOver: boolean;
  cancelIdle: () => void;
  activeAt: number;
  /**
   * Whether no client has used it: then it has nothing to keep, and may hold what a client needs.
   */
  isUnused: boolean;
  idleMs: number;
}

/** Puts the parts together; nothing of it works yet. */
export function createRunning(
  options: ConnectionOptions,
  connected: Connected,
  calls: AttributedCalls,
  route: ServerMessages,
): RunningConnection {
  const { config, deps, isTrial } = options;
  const subscriptions = createScopeSubscriptions();
  const { uris } = subscriptions;
  const { idleTimeoutMs } = config;
  return {
    options,
    connected,
    calls,
    route,
    subscriptions,
    listenRequest: createListenRequest({ ...connected, ...deps, uris, notice: route.notice }),
    tasks: createRunningTasks(deps),
    isOver: false,
    cancelIdle: () => {},
    activeAt: deps.clock.monotonic(),
    isUnused: isTrial,
    idleMs: isTrial ? Math.min(deps.limits.trialIdleMs, idleTimeoutMs) : idleTimeoutMs,
  };
}

/** Begins what goes on by itself, and gives what others see of the connection. */
export function beginConnection(running: RunningConnection): Connection {
  const { options: { config, deps }, connected, calls, subscriptions, listenRequest } = running;
  const { link, dialect, description, revision } = connected;
  const lists = createListVariants({
    ...deps,
    dialect,
    server: config.name,
    capabilities: description.capabilities,
    request: (caller, method, params, timeoutMs) =>
      send(running, { method, params, timeoutMs, clientContext: listContextOf(dialect, caller) }),
  });
  const basis = basisOf(running, lists);
  watchIdle(running, running.idleMs);
  void listenRequest.refresh();
  return {
    dialect,
    revision,
    description,
    lists,
    subscriptions,
    open: (call, source, ended = () => {}) =>
      open(running, new UpstreamCall(basis, call, source, ended)),
    request: (method, params) => send(running, { method, params }).then(({ value }) => value),
    notify: link.notify,
    listen: listenRequest.refresh,
    endScope: (scope) => endScope(running, scope),
    isDoubtful: calls.isDoubtful,
    idleSince: () => idleSince(running),
    restingSince: calls.restingSince,
    giveWay: calls.giveWay,
    stop: () => stop(running),
  };
}

/** It takes no more calls; `died` says why when that was not wanted. */
export function endConnection(running: RunningConnection, died: string | undefined): void {
  if (running.isOver) return;
  const { options: { config, hooks }, connected: { link }, listenRequest } = running;
  running.isOver = true;
  running.cancelIdle();
  listenRequest.close();
  link.close(exitedError(config.name, died));
  hooks.left(died);
}

/** A request of the gateway itself. */
function send(
  running: RunningConnection,
  { method, params, clientContext, timeoutMs }:
    & Pick<LinkRequest, "method" | "params" | "clientContext">
    & { readonly timeoutMs?: number | undefined },
): Promise<Result> {
  const { options: { config, deps, hooks }, connected: { link } } = running;
  const { promise, resolve, reject } = Promise.withResolvers<Result>();
  link.request({
    method,
    params,
    clientContext,
    wantsProgress: false,
    timeoutMs: timeoutMs ?? config.callTimeoutMs,
    cancellable: true,
    notice: hooks.notice,
    end(ending) {
      running.activeAt = deps.clock.monotonic();
      if (ending.kind === "result") resolve(ending);
      else if (ending.kind === "failure") reject(ending.error);
      else reject(new GatewayError("bad_upstream_response"));
    },
  });
  return promise;
}

/** The parts that all calls of the connection share. */
function basisOf(running: RunningConnection, lists: ListVariants): CallBasis {
  const { options: { config, deps }, connected: { link, dialect, description }, calls, route } =
    running;
  const { tasks } = running;
  return {
    config,
    deps,
    link,
    dialect,
    lists,
    hasTasks: dialect.hasTasks && description.capabilities["tasks"] !== undefined,
    route,
    calls,
    ended(call, ending) {
      running.activeAt = deps.clock.monotonic();
      tasks.note(call.call, ending);
      calls.delete(call, isAnswer(ending));
    },
  };
}

/** A client's call. */
function open(running: RunningConnection, call: UpstreamCall): OpenRequest {
  running.isUnused = false;
  running.idleMs = running.options.config.idleTimeoutMs;
  call.begin();
  if (!call.source.ended()) running.calls.add(call);
  return call;
}

function endScope(running: RunningConnection, scope: string): void {
  const { connected: { dialect }, calls, subscriptions, listenRequest } = running;
  calls.endScope(scope, new GatewayError("cancelled"));
  const freed = subscriptions.removeScope(scope);
  if (dialect.subscribe === "listen") {
    if (freed.length > 0) void listenRequest.refresh();
    return;
  }
  for (const uri of freed) {
    send(running, { method: "resources/unsubscribe", params: { uri } }).catch(() => {});
  }
}

function idleSince(running: RunningConnection): number | undefined {
  const { connected: { link }, calls, listenRequest, subscriptions, tasks } = running;
  // A call whose task is awaited has no request between two looks at the task.
  const isUsed = link.open() > listenRequest.open() || subscriptions.count() > 0 ||
    calls.isWorking() || tasks.isBusy();
  return running.isOver || isUsed ? undefined : running.activeAt;
}

async function stop(running: RunningConnection): Promise<void> {
  endConnection(running, undefined);
  const { trialStopMs } = running.options.deps.limits;
  await running.connected.stop(running.isUnused ? trialStopMs : undefined);
}

/** Stops a connection that has had nothing to do for long. */
function watchIdle(running: RunningConnection, waitMs: number): void {
  const { options: { deps: { clock, log }, isTrial }, connected: { pid } } = running;
  running.cancelIdle = clock.after(waitMs, () => {
    const since = idleSince(running);
    const restMs = (since ?? clock.monotonic()) + running.idleMs - clock.monotonic();
    if (restMs > 0) return watchIdle(running, restMs);
    if (!isTrial) log.info("Stopping an idle connection", pid === undefined ? {} : { pid });
    void stop(running);
  });
}

/** Whether a call's ending is the server's word; else it may still be at work. */
function isAnswer(ending: Ending | undefined): boolean {
  return ending !== undefined &&
    (ending.kind !== "failure" || ending.error.code !== "upstream_timeout");
}
