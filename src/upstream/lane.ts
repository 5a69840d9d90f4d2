/**
 * One lane: a child process that has shaken hands, the calls under way on it, its lists and
 * subscriptions. It decides whose an unsolicited notice or question is, fails its calls at once
 * when the child dies, and stops itself when idle for long. Which scope it serves, and when one is
 * started, is for lanes.ts.
 */
import type { StdioServerConfig } from "../config/config.ts";
import { GatewayError } from "../errors.ts";
import type { Call, Description, JsonObject } from "../model.ts";
import { type ChildEnd, type LaneChild, openChild } from "./child.ts";
import type { UpstreamDeps } from "./deps.ts";
import type { ExchangeSource } from "./exchange.ts";
import { createLaneLists, type LaneLists } from "./lane_lists.ts";
import { handshake, upstreamCodec } from "./negotiate.ts";
import { createNoiseGauge } from "./noise.ts";
import { createOpenCalls, type OpenCall } from "./open_calls.ts";
import { createPeer, type OpenRequest, type Peer } from "./peer.ts";
import { createRouting, type RoutingHooks, type RoutingOptions } from "./routing.ts";
import { createSubscriptions, type Subscriptions } from "./subscriptions.ts";

/** Who hears a lane. */
export interface LaneHooks extends RoutingHooks {
  /** It takes no more calls; `died` says why when nobody wanted it to end. */
  left(died: string | undefined): void;
  /** Nothing of its process group is left; called too when the start fails. */
  gone(): void;
}

/** What a lane is started with. */
export interface LaneOptions extends RoutingOptions {
  readonly config: StdioServerConfig;
  readonly deps: UpstreamDeps;
  readonly hooks: LaneHooks;
}

/** A running lane. */
export interface Lane {
  readonly description: Description;
  readonly lists: LaneLists;
  readonly subscriptions: Subscriptions;
  /** Makes a call whose replies go to `source`; `ended` is called when it is over, cancelled or not. */
  open(call: Call, source: ExchangeSource, ended?: (succeeded: boolean) => void): OpenRequest;
  /** A request of our own. */
  request(method: string, params: JsonObject): Promise<JsonObject>;
  notify(method: string, params: JsonObject): void;
  /** Ends what a scope has under way here. */
  endScope(scope: string): void;
  /** Since when it has had nothing to do; undefined while it is in use. */
  idleSince(): number | undefined;
  /** Ends it; open calls fail first. Resolves when nothing of it is left. */
  stop(): Promise<void>;
}

/** Why a start failed. */
export interface StartFault {
  readonly reason: string;
  readonly permanent: boolean;
}

/** Starts a lane; `signal` gives the start up. */
export async function startLane(
  options: LaneOptions,
  signal: AbortSignal,
): Promise<{ readonly lane: Lane } | { readonly fault: StartFault }> {
  const { config, deps } = options;
  const running = createRunning(options);
  let child: LaneChild;
  try {
    child = running.spawn();
  } catch (thrown) {
    options.hooks.gone();
    return { fault: toStartFault(thrown) };
  }
  let end: ChildEnd | undefined;
  void child.ended.then((ended) => {
    end = ended;
    running.over(ended.text);
  });
  void child.gone.then(options.hooks.gone);
  const giveUp = () => running.over("its session ended");
  signal.addEventListener("abort", giveUp);
  try {
    if (signal.aborted) giveUp();
    const description = await handshake({
      request: (method, params) => running.request(method, params, config.startTimeoutMs, false),
      notify: running.peer.notify,
      capabilities: options.capabilities,
      identity: deps.identity,
    });
    return { lane: running.toLane(description) };
  } catch (thrown) {
    const broken = running.diedOf();
    running.over("its start failed");
    const words = child.lastWords();
    void child.stop();
    const reason = end?.text ?? broken ?? toStartReason(thrown, config);
    // What a server writes may hold secrets: the operator reads it, clients are told where it is.
    if (words !== "") deps.log.warn("The server's last words", { stderr: words });
    return {
      fault: {
        reason: words === "" ? reason : `${reason}; the gateway's log has its last words`,
        permanent: end?.permanent ?? false,
      },
    };
  } finally {
    signal.removeEventListener("abort", giveUp);
  }
}

function toStartReason(thrown: unknown, { startTimeoutMs }: StdioServerConfig): string {
  if (thrown instanceof GatewayError && thrown.code === "upstream_timeout") {
    return `it did not answer initialize within ${startTimeoutMs} ms; ` +
      "raise startTimeoutMs if it needs longer";
  }
  return thrown instanceof Error ? thrown.message : String(thrown);
}

function toStartFault(thrown: unknown): StartFault {
  const reason = thrown instanceof Error ? thrown.message : String(thrown);
  const permanent = thrown instanceof Error && "permanent" in thrown && thrown.permanent === true;
  return { reason, permanent };
}

/** The parts of a lane that exist before the handshake is done. */
function createRunning(options: LaneOptions) {
  const { config, deps, hooks } = options;
  const { clock, limits } = deps;
  const calls = createOpenCalls(config.isolation);
  const subscriptions = createSubscriptions();
  let child: LaneChild | undefined;
  let isOver = false;
  let isReady = false;
  let diedOf: string | undefined;
  let cancelIdle = () => {};
  let activeAt = clock.monotonic();

  const over = (died: string | undefined): void => {
    if (isOver) return;
    isOver = true;
    diedOf = died;
    cancelIdle();
    peer.close(exitedError(config.name, died));
    if (isReady) hooks.left(died);
  };
  const broken = (reason: string): void => {
    if (isOver) return;
    over(reason);
    void child?.stop();
  };
  const noise = createNoiseGauge({ limits, clock, log: deps.log }, broken);
  const route = createRouting(options, calls.owner);
  const peer: Peer = createPeer({
    server: config.name,
    codec: upstreamCodec,
    limits,
    clock,
    noise,
    send: (line) => child?.send(line) ?? false,
    ...route,
  });

  const spawn = (): LaneChild =>
    child = openChild(config, deps, {
      lines: peer.receive,
      tooLong: peer.receiveTooLong,
      broken,
    });

  const request = (method: string, params: JsonObject, timeoutMs: number, cancellable: boolean) =>
    new Promise<JsonObject>((resolve, reject) =>
      void peer.request({
        method,
        params,
        wantsProgress: false,
        timeoutMs,
        cancellable,
        notice: () => false,
        end(reply) {
          activeAt = clock.monotonic();
          if (reply.kind === "result") resolve(reply.value);
          else reject(reply.error);
        },
      })
    );

  const open: Lane["open"] = (call, source, ended = () => {}) => {
    let entry: OpenCall | undefined;
    const close = (succeeded: boolean) => {
      activeAt = clock.monotonic();
      if (entry !== undefined) calls.delete(entry);
      ended(succeeded);
    };
    const made = peer.request({
      method: call.method,
      params: call.params,
      wantsProgress: call.wantsProgress,
      timeoutMs: config.callTimeoutMs,
      cancellable: true,
      notice: source.notice,
      end(reply) {
        close(reply.kind === "result");
        source.end(reply);
      },
    });
    const opened: OpenRequest = {
      ...made,
      cancel(reason) {
        close(false);
        made.cancel(reason);
      },
    };
    if (!source.ended()) {
      entry = { method: call.method, scope: call.caller.scope, source, request: opened };
      calls.add(entry);
    }
    return opened;
  };

  const idleSince = () =>
    isOver || peer.open() > 0 || subscriptions.count() > 0 ? undefined : activeAt;

  const stop = async (): Promise<void> => {
    over(undefined);
    await child?.stop();
  };
  const watchIdle = (waitMs: number): void => {
    cancelIdle = clock.after(waitMs, () => {
      const since = idleSince();
      const restMs = (since ?? clock.monotonic()) + config.idleTimeoutMs - clock.monotonic();
      if (restMs > 0) return watchIdle(restMs);
      deps.log.info("Stopping an idle process", { pid: child?.pid });
      void stop();
    });
  };

  const toLane = (description: Description): Lane => {
    isReady = true;
    watchIdle(config.idleTimeoutMs);
    const own = (method: string, params: JsonObject) =>
      request(method, params, config.callTimeoutMs, true);
    const { capabilities } = description;
    return {
      description,
      lists: createLaneLists({ capabilities, request: own, limits, log: deps.log }),
      subscriptions,
      open,
      request: own,
      notify: peer.notify,
      endScope(scope) {
        calls.endScope(scope, new GatewayError("cancelled"));
        for (const uri of subscriptions.removeScope(scope)) {
          own("resources/unsubscribe", { uri }).catch(() => {});
        }
      },
      idleSince,
      stop,
    };
  };
  return { spawn, over, diedOf: () => diedOf, request, peer, toLane };
}

function exitedError(server: string, died: string | undefined): GatewayError {
  const what = died === undefined ? "was stopped" : `stopped (${died})`;
  return new GatewayError(
    "upstream_exited",
    `Server "${server}" ${what} while it worked on this call; whether it took effect is unknown`,
    { data: { server, outcome: "unknown" } },
  );
}
