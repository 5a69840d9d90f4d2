/**
 * One connection: a link on which the server has answered, the calls under way on it, its lists and
 * subscriptions. It decides whose an unsolicited notice or question is, fails its calls at once
 * when the link breaks, and stops itself when idle for long. Which scope it serves, and when one is
 * started, is for pool.ts; what is below the link, for the connectors.
 */
import { GatewayError } from "../../errors.ts";
import type { Call, Description, Ending, JsonObject, Result } from "../../model.ts";
import type { ExchangeSource } from "../exchange_source.ts";
import type { CallBasis } from "./call_options.ts";
import { UpstreamCall } from "./upstream_call.ts";
import { createListVariants, type ListVariants } from "./list_variants.ts";
import { listContextOf } from "../link/client_shown.ts";
import type { Connected, LinkOwner, LinkRequest, OpenRequest } from "../link/link.ts";
import type { Dialect } from "../link/dialect.ts";
import type { AttributedCalls } from "./attribution.ts";
import { createListenRequest } from "./listen_request.ts";
import { assertOwner } from "./pool_key.ts";
import { watchHealth } from "./health_check.ts";
import { createRunningTasks } from "./running_tasks.ts";
import {
  type ConnectionOptions,
  idleSince,
  isBusy,
  noteEnd,
  replace,
  retire,
  type RunningConnection,
  stop,
  watchIdle,
} from "./running_connection.ts";
import type { ServerMessages } from "./server_messages.ts";
import { createScopeSubscriptions, type ScopeSubscriptions } from "./subscriptions.ts";

/** A running connection. */
export interface Connection {
  readonly dialect: Dialect;
  /** For whom it was opened: no request of another principal is made on it. */
  readonly owner: LinkOwner;
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
  /** Another one takes its place: it ends when its calls have ended. */
  retire(): void;
  /** Ends it; open calls fail first. Resolves when nothing of it is left. */
  stop(): Promise<void>;
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
    health: { open: () => 0, stop: () => {} },
    unansweredAt: -Infinity,
    isOver: false,
    isRetired: false,
    cancelIdle: () => {},
    activeAt: deps.clock.monotonic(),
    isUnused: isTrial,
    idleMs: isTrial ? Math.min(deps.limits.trialIdleMs, idleTimeoutMs) : idleTimeoutMs,
  };
}

/** Begins what goes on by itself, and gives what others see of the connection. */
export function beginConnection(running: RunningConnection): Connection {
  const { options: { config, deps, owner }, connected, calls, subscriptions, listenRequest } =
    running;
  const { link, dialect, description, revision } = connected;
  const { caller, pins } = running.options;
  const lists = createListVariants({
    ...deps,
    dialect,
    server: config.name,
    capabilities: description.capabilities,
    request: (caller, method, params, timeoutMs) =>
      send(running, { method, params, timeoutMs, clientContext: listContextOf(dialect, caller) }),
    // Where the handshake has said for whom the server lists, that client alone counts.
    offer: ({ extensions }) => ({
      see: (tools, isWhole) =>
        pins.see(tools, {
          caller: dialect.clientContext === "handshake" ? caller : { ...caller, extensions },
          dialect,
          description,
          isWhole,
        }),
      offered: pins.offered,
    }),
  });
  const basis = basisOf(running, lists);
  watchIdle(running, running.idleMs);
  running.health = watchHealth({
    ...deps,
    connected,
    callTimeoutMs: config.callTimeoutMs,
    memory: running.options.pings,
    isBusy: (heardAt) => running.unansweredAt >= heardAt || isBusy(running),
    hangs: () => replace(running),
  });
  void listenRequest.refresh();
  return {
    dialect,
    owner,
    revision,
    description,
    lists,
    subscriptions,
    open(call, source, ended = () => {}) {
      assertOwner(config.name, owner, call.caller);
      return open(running, new UpstreamCall(basis, call, source, ended));
    },
    request: (method, params) => send(running, { method, params }).then(({ value }) => value),
    notify: link.notify,
    listen: listenRequest.refresh,
    endScope: (scope) => endScope(running, scope),
    isDoubtful: calls.isDoubtful,
    idleSince: () => idleSince(running),
    restingSince: calls.restingSince,
    giveWay: calls.giveWay,
    retire: () => retire(running),
    stop: () => stop(running),
  };
}

/** A request of the gateway itself. */
function send(
  running: RunningConnection,
  { method, params, clientContext, timeoutMs }:
    & Pick<LinkRequest, "method" | "params" | "clientContext">
    & { readonly timeoutMs?: number | undefined },
): Promise<Result> {
  const { options: { config, hooks }, connected: { link } } = running;
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
      noteEnding(running, ending);
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
      tasks.note(call.call, ending);
      noteEnding(running, ending);
      calls.delete(call, isAnswer(ending));
    },
  };
}

function noteEnding(running: RunningConnection, ending: Ending | undefined): void {
  noteEnd(running);
  if (!isAnswer(ending)) running.unansweredAt = running.activeAt;
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

/** Whether a call's ending is the server's word; else it may still be at work. */
function isAnswer(ending: Ending | undefined): boolean {
  return ending !== undefined &&
    (ending.kind !== "failure" || ending.error.code !== "upstream_timeout");
}
