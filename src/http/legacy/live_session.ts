/**
 * What a handshake-era session holds in memory: its open calls, its open questions and its streams.
 * Defines the class and what every request does to it. Not here: how a session begins and ends
 * (life.ts), and which sessions exist (session_table.ts).
 */
import type { Bus } from "../../bus/bus.ts";
import type { Clock } from "../../clock.ts";
import type { GatewayError } from "../../errors.ts";
import type { PrincipalRates } from "../../gateway/principal_rates.ts";
import type { Gateway } from "../../gateway/surface.ts";
import type { Ownership } from "../../instances/ownership.ts";
import type { Limits } from "../../limits.ts";
import type { Log } from "../../log.ts";
import type { Caller, RequestId } from "../../model.ts";
import type { SessionCodec } from "../../protocol/codec.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import type { EventWriter } from "../../session/event_writer.ts";
import type { ReplayBudget } from "../../session/replay_budget.ts";
import type { SessionRecord, SessionStore } from "../../session/session_store.ts";
import { hasPriming } from "../../protocol/legacy/revisions.ts";
import type { Emit } from "../../telemetry/events.ts";
import type { Heartbeats } from "../heartbeat.ts";
import type { KeepAlive } from "../keep_alive.ts";
import type { ActivityClock } from "./activity_clock.ts";
import { type Asks, createAsks } from "./asks.ts";
import { allowOwned } from "./standalone_stream.ts";
import { createStreams, type Streams } from "./session_streams.ts";

/** What sessions need of it. */
export type SessionOwnership = Pick<
  Ownership,
  "claim" | "holds" | "renew" | "release" | "isLeaving" | "owned"
>;

/** What sessions of this era need. */
export interface LegacyDeps {
  readonly gateway: Gateway;
  readonly rates: PrincipalRates;
  readonly sessions: SessionStore;
  /** Absent: the streams of sessions end with the process. */
  readonly events?: EventWriter | undefined;
  /** The bytes that the streams of all sessions keep. */
  readonly budget: ReplayBudget;
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
  /** What this instance owns; absent: all, because it is the only one. */
  readonly ownership?: (() => SessionOwnership) | undefined;
  /** The name of this instance, in the records of its sessions and in event ids. */
  readonly owner: string;
}

/** Where the messages of one request go: its own stream, or a standalone stream. */
export interface ReplySink {
  /** Sends a message before the result; false when this sink cannot carry it. */
  send(text: string): boolean;
  /** Whether the client reads this sink now. */
  isHeard(): boolean;
  /** Bytes that wait for the client; 0 where nothing is sent on. */
  queuedBytes(): number;
}

/** A request under way. */
export interface SessionCall {
  readonly sink: ReplySink;
  /** Ends the request. The client gets `error`; without one it gets no answer. */
  abort(reason: string, error?: GatewayError): void;
}

const watchesNothing = (): void => {};

/** What a session begins with. */
export interface LiveSessionOptions {
  readonly deps: LegacyDeps;
  readonly id: string;
  readonly isStored: boolean;
  readonly record: SessionRecord;
  readonly caller: Caller;
}

/**
 * A session in memory. Its parts are made when they are first used, which spares an idle session
 * their memory.
 */
export class LiveSession {
  readonly deps: LegacyDeps;
  readonly id: string;
  readonly key: string;
  readonly surface: string;
  readonly revision: string;
  /** Whether the store has it; otherwise it ends with its stream. */
  readonly isStored: boolean;
  /** Wall clock, milliseconds since 1970. */
  readonly createdAt: number;
  /** Replaced when the log level changes. */
  caller: Caller;
  activeAt: number;
  isOver = false;
  /** Whether anything came after the handshake. */
  isUsed: boolean;
  /** Whether the client has finished its handshake: it must not be asked before that. */
  isInitialized = false;
  stopWatching: () => void = watchesNothing;
  /** Ends the wait for the expiry of its credentials, which begins with a standalone stream. */
  stopExpiry: () => void = watchesNothing;
  #calls: Map<RequestId, SessionCall> | undefined;
  #asks: Asks | undefined;
  #streams: Streams | undefined;
  #subscriptions: Set<string> | undefined;

  constructor({ deps, id, isStored, record, caller }: LiveSessionOptions) {
    this.deps = deps;
    this.id = id;
    this.key = record.key;
    this.surface = record.surface;
    this.revision = record.revision;
    this.isStored = isStored;
    this.caller = caller;
    this.createdAt = record.createdAt;
    this.activeAt = record.activeAt;
    this.isUsed = record.activeAt !== record.createdAt;
    for (const uri of record.subscriptions) this.subscriptions.add(uri);
  }

  get calls(): Map<RequestId, SessionCall> {
    return this.#calls ??= new Map();
  }

  get callCount(): number {
    return this.#calls?.size ?? 0;
  }

  get asks(): Asks {
    return this.#asks ??= createAsks(this.deps.limits, this.deps.clock);
  }

  get askCount(): number {
    return this.#asks?.count() ?? 0;
  }

  get streams(): Streams {
    return this.#streams ??= makeStreams(this);
  }

  /** The streams if they were made, that is if the session had a stream or a message for one. */
  get madeStreams(): Streams | undefined {
    return this.#streams;
  }

  get subscriptions(): Set<string> {
    return this.#subscriptions ??= new Set();
  }

  get subscriptionCount(): number {
    return this.#subscriptions?.size ?? 0;
  }
}

function makeStreams({ deps, key, revision, isStored, isInitialized }: LiveSession): Streams {
  const { limits, clock, heartbeats, owner, emit, events, budget } = deps;
  const streams = createStreams({
    limits,
    clock,
    heartbeats,
    epoch: owner,
    session: key,
    budget,
    writer: isStored ? events : undefined,
    isPrimed: hasPriming(revision),
    evicted: () => emit({ type: "dropped", what: "replay_frame" }),
  });
  if (isInitialized) allowOwned(streams.standalone);
  return streams;
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
  const now = session.deps.activity.now();
  // A session of which nothing but the handshake is known has the time of it (session_store.ts).
  session.activeAt = session.isUsed ? now : Math.max(now, session.activeAt + 1);
  session.isUsed = true;
  if (session.isStored) session.deps.sessions.touch(session.key, session.activeAt);
}

/** Whether a call runs or a stream is open: such a session does not expire. */
export function isBusy({ callCount, madeStreams }: LiveSession): boolean {
  return callCount > 0 || (madeStreams !== undefined && madeStreams.connections.size > 0);
}

/** Notes that the client has finished its handshake, or acts as if it had. */
export function noteInitialized(session: LiveSession): void {
  session.isInitialized = true;
  if (session.madeStreams !== undefined) allowOwned(session.madeStreams.standalone);
}
