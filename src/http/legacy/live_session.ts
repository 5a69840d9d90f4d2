/**
 * What a handshake-era session holds in memory: its open calls, its open questions and its streams.
 * Defines the type and what every request does to it. Not here: how a session begins and ends
 * (life.ts), and which sessions exist (session_table.ts).
 */
import type { Bus } from "../../bus/bus.ts";
import type { Clock } from "../../clock.ts";
import type { GatewayError } from "../../errors.ts";
import type { Gateway } from "../../gateway/surface.ts";
import type { Limits } from "../../limits.ts";
import type { Log } from "../../log.ts";
import type { Caller, RequestId } from "../../model.ts";
import type { SessionCodec } from "../../protocol/codec.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import type { SessionStore } from "../../session/session_store.ts";
import type { Emit } from "../../telemetry/events.ts";
import type { Heartbeats } from "../heartbeat.ts";
import type { KeepAlive } from "../keep_alive.ts";
import type { ActivityClock } from "./activity_clock.ts";
import type { Asks } from "./asks.ts";
import { allowOwned } from "./standalone_stream.ts";
import type { Streams } from "./session_streams.ts";

/** What sessions of this era need. */
export interface LegacyDeps {
  readonly gateway: Gateway;
  readonly sessions: SessionStore;
  readonly bus: Bus;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly activity: ActivityClock;
  readonly log: Log;
  readonly emit: Emit;
  readonly sessionTimeoutMs: number;
  readonly codec: SessionCodec["client"];
  readonly heartbeats: Heartbeats;
  readonly keepAlive: KeepAlive;
  readonly sha256: Runtime["sha256"];
  /** The name of this instance, in the records of its sessions and in event ids. */
  readonly owner: string;
}

/** Where the messages of one request go: its own stream, or a standalone stream. */
export interface ReplySink {
  /** Sends a message before the result; false when this sink cannot carry it. */
  send(text: string): boolean;
  /** Whether the client reads this sink now. */
  isHeard(): boolean;
}

/** A request under way. */
export interface SessionCall {
  readonly sink: ReplySink;
  /** Ends the request. The client gets `error`; without one it gets no answer. */
  abort(reason: string, error?: GatewayError): void;
}

/** A session in memory. */
export interface LiveSession {
  readonly deps: LegacyDeps;
  readonly id: string;
  readonly key: string;
  readonly surface: string;
  readonly revision: string;
  /** Whether the store has it; otherwise it ends with its stream. */
  readonly isStored: boolean;
  /** Replaced when the log level changes. */
  caller: Caller;
  readonly subscriptions: Set<string>;
  readonly calls: Map<RequestId, SessionCall>;
  readonly asks: Asks;
  readonly streams: Streams;
  activeAt: number;
  isOver: boolean;
  stopWatching: () => void;
}

/** Stores a change if the session is stored. */
export async function keep(
  { isStored, key, deps }: LiveSession,
  write: (store: SessionStore, key: string) => Promise<unknown>,
): Promise<void> {
  if (isStored) await write(deps.sessions, key);
}

/** Notes activity (P8). */
export function touch(session: LiveSession): void {
  session.activeAt = session.deps.activity.now();
  if (session.isStored) session.deps.sessions.touch(session.key, session.activeAt);
}

/** Whether a call runs or a stream is open: such a session does not expire. */
export function isBusy({ calls, streams }: LiveSession): boolean {
  return calls.size > 0 || streams.connections.size > 0;
}

/** Notes that the client has finished its handshake, or acts as if it had. */
export function noteInitialized(session: LiveSession): void {
  allowOwned(session.streams.standalone);
}
