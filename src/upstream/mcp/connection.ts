/**
 * One connection: a link on which the server has answered, the calls under way on it, its lists and
 * subscriptions. It decides whose an unsolicited notice or question is, fails its calls at once when
 * the link breaks, and stops itself when idle for long. Which scope it serves, and when one is
 * started, is for pool.ts; what is below the link, for the connectors.
 */
import type { McpServerConfig } from "../../config/config.ts";
import { GatewayError } from "../../errors.ts";
import type { Call, Description, Ending, JsonObject, Result } from "../../model.ts";
import type { UpstreamDeps } from "../deps.ts";
import type { ExchangeSource } from "../exchange_source.ts";
import { exitedError } from "../link/start_errors.ts";
import { openCall } from "./upstream_call.ts";
import { createServerLists, kindsOf, type ServerLists } from "./lists.ts";
import type { Connected, Connector, OpenRequest, StartFault } from "../link/link.ts";
import type { Dialect } from "../link/dialect.ts";
import { type AttributedCall, type Attribution, createAttributedCalls } from "./attribution.ts";
import {
  createServerMessages,
  type ServerMessageEvents,
  type ServerMessageOptions,
} from "./server_messages.ts";
import { createListenRequest } from "./listen_request.ts";
import { createScopeSubscriptions, type ScopeSubscriptions } from "./subscriptions.ts";

/** Who hears a connection. */
export interface ConnectionEvents extends ServerMessageEvents {
  /** It takes no more calls; `died` says why when nobody wanted it to end. */
  left(died: string | undefined): void;
  /** The server forgot what it had been told, though the connection goes on. */
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
  readonly description: Description;
  readonly lists: ServerLists;
  readonly subscriptions: ScopeSubscriptions;
  /** Makes a call whose replies go to `source`; `ended` is called when it is over, cancelled or not. */
  open(call: Call, source: ExchangeSource, ended?: (succeeded: boolean) => void): OpenRequest;
  /** A request of our own. */
  request(method: string, params: JsonObject): Promise<JsonObject>;
  notify(method: string, params: JsonObject): void;
  /** The subscriptions have changed, on connections that listen by a standing request. */
  listen(): Promise<void>;
  /** Ends what a scope has under way here. */
  endScope(scope: string): void;
  /** Whether what its server says now may belong to a call that was given up. */
  isDoubtful(): boolean;
  /** Since when it has had nothing to do; undefined while it is in use. */
  idleSince(): number | undefined;
  /** Ends it; open calls fail first. Resolves when nothing of it is left. */
  stop(): Promise<void>;
}

/** Starts a connection; `signal` gives the start up. */
export async function startConnection(
  options: ConnectionOptions,
  signal: AbortSignal,
): Promise<
  | { readonly connection: Connection; readonly refused: readonly Dialect[] }
  | { readonly fault: StartFault }
> {
  const { connector, dialects, capabilities, clientTitle, hooks } = options;
  const up: { connection?: Running } = {};
  let brokeEarly: string | undefined;
  const calls = createAttributedCalls(options.attribution, options.deps);
  let current = calls;
  const route = createServerMessages(options, () => current);
  const outcome = await connector.open({
    dialects,
    capabilities,
    clientTitle,
    hooks: {
      notice: route.notice,
      ask: route.ask,
      broken(reason) {
        if (up.connection === undefined) brokeEarly ??= reason;
        else up.connection.over(reason);
      },
      renewed: hooks.renewed,
      gone: hooks.gone,
    },
  }, signal).catch((thrown) => {
    // A fault of ours: the start is over, too, and its place is free.
    options.deps.log.error("Cannot start the server", { error: thrown });
    hooks.gone();
    throw thrown;
  });
  if ("fault" in outcome) return outcome;
  const { connected, refused } = outcome;
  // Where each request says whether it wants log lines, only those that do get any.
  if (connected.dialect.logLevel === "request") {
    current = createAttributedCalls("logged", options.deps);
  }
  up.connection = createRunning(options, connected, current, route);
  if (brokeEarly !== undefined) up.connection.over(brokeEarly);
  return { connection: await withDeclared(up.connection.connection, signal), refused };
}

/** Looks for tools first where a server declares nothing; a start that is given up does not wait. */
async function withDeclared(connection: Connection, signal: AbortSignal): Promise<Connection> {
  const { description, lists } = connection;
  if (kindsOf(description).length > 0) return connection;
  const { promise: givenUp, resolve } = Promise.withResolvers<JsonObject>();
  const end = () => resolve(description.capabilities);
  signal.addEventListener("abort", end);
  if (signal.aborted) end();
  const capabilities = await Promise.race([lists.declared(), givenUp]);
  signal.removeEventListener("abort", end);
  return { ...connection, description: { ...description, capabilities } };
}

interface Running {
  readonly connection: Connection;
  over(died: string | undefined): void;
}

function createRunning(
  { config, deps, hooks, isTrial }: ConnectionOptions,
  { link, dialect, description, pid, stop: stopBelow }: Connected,
  calls: ReturnType<typeof createAttributedCalls>,
  route: ReturnType<typeof createServerMessages>,
): Running {
  const { clock, limits, log } = deps;
  const subscriptions = createScopeSubscriptions();
  let isOver = false;
  let cancelIdle = () => {};
  let activeAt = clock.monotonic();
  /** Whether no client has used it: then it has nothing to keep, and may hold what a client needs. */
  let isUnused = isTrial;
  let idleMs = isTrial ? Math.min(limits.trialIdleMs, config.idleTimeoutMs) : config.idleTimeoutMs;

  const standing = createListenRequest({
    link,
    dialect,
    description,
    uris: subscriptions.uris,
    notice: route.notice,
    clock,
    limits,
    log,
  });
  const over = (died: string | undefined): void => {
    if (isOver) return;
    isOver = true;
    cancelIdle();
    standing.close();
    link.close(exitedError(config.name, died));
    hooks.left(died);
  };

  const send = (method: string, params: JsonObject, timeoutMs = config.callTimeoutMs) =>
    new Promise<Result>((resolve, reject) =>
      void link.request({
        method,
        params,
        wantsProgress: false,
        timeoutMs,
        cancellable: true,
        notice: hooks.notice,
        end(ending) {
          activeAt = clock.monotonic();
          if (ending.kind === "result") resolve(ending);
          else if (ending.kind === "failure") reject(ending.error);
          else reject(new GatewayError("bad_upstream_response"));
        },
      })
    );
  const request: Connection["request"] = (method, params) =>
    send(method, params).then(({ value }) => value);
  const { capabilities } = description;
  const lists = createServerLists({
    ...deps,
    server: config.name,
    capabilities,
    request: send,
  });

  const open: Connection["open"] = (call, source, ended = () => {}) => {
    let entry: AttributedCall | undefined;
    isUnused = false;
    idleMs = config.idleTimeoutMs;
    const made = openCall({
      config,
      deps,
      link,
      dialect,
      lists,
      hasTasks: dialect.hasTasks && description.capabilities["tasks"] !== undefined,
      call,
      source,
      notice: route.noticeOf(source),
      ask: route.askOf({ call, source }),
      ended(ending) {
        activeAt = clock.monotonic();
        if (entry !== undefined) calls.delete(entry, isAnswer(ending));
        ended(ending?.kind === "result");
      },
    });
    if (!source.ended()) calls.add(entry = { call, source, request: made });
    return made;
  };

  const idleSince = () => {
    const isUsed = link.open() > standing.open() || subscriptions.count() > 0;
    return isOver || isUsed ? undefined : activeAt;
  };
  const stop = async (): Promise<void> => {
    over(undefined);
    await stopBelow(isUnused ? limits.trialStopMs : undefined);
  };
  const watchIdle = (waitMs: number): void => {
    cancelIdle = clock.after(waitMs, () => {
      const since = idleSince();
      const restMs = (since ?? clock.monotonic()) + idleMs - clock.monotonic();
      if (restMs > 0) return watchIdle(restMs);
      if (!isTrial) log.info("Stopping an idle connection", pid === undefined ? {} : { pid });
      void stop();
    });
  };
  watchIdle(idleMs);
  void standing.refresh();

  const connection: Connection = {
    dialect,
    description,
    lists,
    subscriptions,
    open,
    request,
    notify: link.notify,
    listen: standing.refresh,
    endScope(scope) {
      calls.endScope(scope, new GatewayError("cancelled"));
      const freed = subscriptions.removeScope(scope);
      if (dialect.subscribe === "listen") {
        if (freed.length > 0) void standing.refresh();
        return;
      }
      for (const uri of freed) request("resources/unsubscribe", { uri }).catch(() => {});
    },
    isDoubtful: calls.isDoubtful,
    idleSince,
    stop,
  };
  return { connection, over };
}

/** Whether a call's ending is the server's word; else it may still be at work. */
function isAnswer(ending: Ending | undefined): boolean {
  return ending !== undefined &&
    (ending.kind !== "failure" || ending.error.code !== "upstream_timeout");
}
