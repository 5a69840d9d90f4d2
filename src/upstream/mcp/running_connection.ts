/**
 * The state of a running connection, and how it ends: when its link breaks, when it has had nothing
 * to do for long, when another one takes its place, or at once. Not here: what it does while it runs
 * (connection.ts).
 */
import type { McpServerConfig } from "../../config/config.ts";
import type { GatewayError } from "../../errors.ts";
import type { Caller } from "../../model.ts";
import type { DeathCause } from "../../telemetry/server_events.ts";
import type { UpstreamDeps } from "../deps.ts";
import type { Dialect } from "../link/dialect.ts";
import type { Connected, Connector, LinkOwner } from "../link/link.ts";
import { exitedError } from "../link/start_errors.ts";
import type { AttributedCalls, Attribution } from "./attribution.ts";
import type { HealthCheck, PingMemory } from "./health_check.ts";
import type { ListenRequest } from "./listen_request.ts";
import type { PinnedLists } from "./pinned_lists.ts";
import type { RunningTasks } from "./running_tasks.ts";
import type {
  ServerMessageEvents,
  ServerMessageOptions,
  ServerMessages,
} from "./server_messages.ts";
import type { ScopeSubscriptions } from "./subscriptions.ts";

/** Who hears a connection. */
export interface ConnectionEvents extends ServerMessageEvents {
  /**
   * It takes no more calls; `died` gives the reason for an unexpected end, and `cause` its kind.
   */
  left(died: string | undefined, cause?: DeathCause): void;
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
  /** The client for which the server works, as far as it gets to know of it. */
  readonly caller: Caller;
  readonly pins: PinnedLists;
  readonly pings: PingMemory;
  /** The name of its client, as the server gets it. */
  readonly clientTitle?: string | undefined;
  /** For whom it is opened. */
  readonly owner: LinkOwner;
  /** How far calls of a server that asks by requests can be told apart. */
  readonly attribution: Attribution;
  readonly hooks: ConnectionEvents;
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
  /** Set once it has begun. */
  health: HealthCheck;
  /** When a call was last given up, or timed out: its program may still be at work on it. */
  unansweredAt: number;
  isOver: boolean;
  isRetired: boolean;
  cancelIdle: () => void;
  activeAt: number;
  /**
   * Whether no client has used it: then it has nothing to keep, and may hold what a client needs.
   */
  isUnused: boolean;
  idleMs: number;
}

/** It takes no more calls; `died` says why when that was not wanted. */
export function endConnection(
  running: RunningConnection,
  died: string | undefined,
  cause?: DeathCause,
): void {
  if (running.isOver) return;
  const { options: { config, hooks }, connected: { link }, listenRequest } = running;
  running.isOver = true;
  running.cancelIdle();
  running.health.stop();
  listenRequest.close();
  link.close(exitedError(config.name, died));
  hooks.left(died, cause);
}

/** Since when it has had nothing to do; undefined while it is in use. */
export function idleSince(running: RunningConnection): number | undefined {
  const isUsed = isBusy(running) || running.subscriptions.count() > 0;
  return running.isOver || isUsed ? undefined : running.activeAt;
}

/** Whether the server has something to do. */
export function isBusy(running: RunningConnection): boolean {
  const { connected: { link }, calls, listenRequest, health, tasks } = running;
  // A call whose task is awaited has no request between two looks at the task.
  return link.open() > listenRequest.open() + health.open() || calls.isWorking() || tasks.isBusy();
}

/** Its program hangs: it is killed, and the next call starts another. */
export function replace(running: RunningConnection): void {
  const { options: { deps: { limits } }, connected } = running;
  endConnection(running, "it did not answer health checks", "hung");
  void connected.stop(limits.trialStopMs);
}

/** It takes no more calls, and ends when those that it has have ended. */
export function retire(running: RunningConnection): void {
  running.isRetired = true;
  running.listenRequest.close();
  noteEnd(running);
}

/** A request has ended. */
export function noteEnd(running: RunningConnection): void {
  const { options, connected: { link }, calls, health, isRetired } = running;
  const { clock, processLimit } = options.deps;
  running.activeAt = clock.monotonic();
  processLimit.changed();
  if (!isRetired) return;
  // Once the link has forgotten the request.
  clock.after(0, () => void (link.open() === health.open() && !calls.isWorking() && stop(running)));
}

/** Ends it. Resolves when nothing of it is left. */
export async function stop(running: RunningConnection): Promise<void> {
  endConnection(running, undefined);
  const { trialStopMs } = running.options.deps.limits;
  await running.connected.stop(running.isUnused ? trialStopMs : undefined);
}

/** Stops a connection that has had nothing to do for long. */
export function watchIdle(running: RunningConnection, waitMs: number): void {
  const { options: { deps: { clock, log }, isTrial }, connected: { pid } } = running;
  running.cancelIdle = clock.after(waitMs, () => {
    const since = idleSince(running);
    const restMs = (since ?? clock.monotonic()) + running.idleMs - clock.monotonic();
    if (restMs > 0) return watchIdle(running, restMs);
    if (!isTrial) log.info("Stopping an idle connection", pid === undefined ? {} : { pid });
    void stop(running);
  });
}
