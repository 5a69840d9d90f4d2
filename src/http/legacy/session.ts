/**
 * The part of a handshake-era session that lives in memory: its open calls, the questions it was
 * asked, its streams, and the watch that hears what belongs to no call. Made at the handshake, or
 * from the stored record when the client comes back after a restart. Not here: which sessions
 * exist (sessions.ts) and how they are reached (legacy.ts, sse_transport.ts).
 */
import type { Clock } from "../../clock.ts";
import type { GatewayError } from "../../errors.ts";
import type { Gateway } from "../../gateway/surface.ts";
import type { Limits } from "../../limits.ts";
import type { Log } from "../../log.ts";
import { anonymous, type Answer, type Ask, type Caller, type RequestId } from "../../model.ts";
import type { ClientFacingCodec } from "../../protocol/codec.ts";
import { hasPriming } from "../../protocol/legacy/revisions.ts";
import type { SessionPatch, SessionRecord, SessionStore } from "../../session/store.ts";
import type { Heartbeats } from "../heartbeat.ts";
import { type Asks, createAsks, toRefusal } from "./asks.ts";
import { deliver } from "./notices.ts";
import { allowOwned, sendOwned } from "./standing.ts";
import { createStreams, endStreams, type Streams } from "./streams.ts";

/** What sessions of this era need. */
export interface LegacyDeps {
  readonly gateway: Gateway;
  readonly sessions: SessionStore;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly log: Log;
  readonly identity: { readonly name: string; readonly version: string };
  readonly sessionTimeoutMs: number;
  readonly codec: ClientFacingCodec;
  readonly heartbeats: Heartbeats;
  /** Names this run of the gateway in event ids. */
  readonly epoch: string;
}

/** Where the messages of one request go: its own stream, or wherever the client listens. */
export interface Outlet {
  /** Sends a message before the result; false when this outlet cannot carry it. */
  send(text: string): boolean;
  /** Whether the client hears at once what is sent here. */
  isHeard(): boolean;
}

/** A request under way. */
export interface OpenCall {
  readonly outlet: Outlet;
  /** Gives it up. With an error the client is answered by it, without one not at all. */
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
  readonly calls: Map<RequestId, OpenCall>;
  readonly asks: Asks;
  readonly streams: Streams;
  activeAt: number;
  isOver: boolean;
  stopWatching: () => void;
}

/** Brings a session to life and begins to listen for it. */
export function openLiveSession(
  deps: LegacyDeps,
  record: SessionRecord,
  { id, isStored }: Pick<LiveSession, "id" | "isStored">,
): LiveSession {
  const { limits, clock, heartbeats, epoch } = deps;
  const { key, surface, revision } = record;
  const isPrimed = hasPriming(revision);
  const session: LiveSession = {
    deps,
    id,
    key,
    surface,
    revision,
    isStored,
    caller: toCaller(record),
    subscriptions: new Set(record.subscriptions),
    calls: new Map(),
    asks: createAsks(limits, clock),
    streams: createStreams({ limits, clock, heartbeats, epoch, isPrimed }),
    activeAt: record.activeAt,
    isOver: false,
    stopWatching: () => {},
  };
  session.stopWatching = deps.gateway.watch(
    surface,
    session.caller,
    {
      notice: (notice) => void deliver(session, notice),
      ask: (ask) => askAnywhere(session, ask),
    },
    () => [...session.subscriptions],
  );
  return session;
}

function toCaller(record: SessionRecord): Caller {
  return {
    principal: { id: record.principal },
    scope: record.key,
    wire: record.revision,
    capabilities: record.capabilities,
    clientInfo: record.clientInfo,
    ...(record.logLevel !== null && { logLevel: record.logLevel }),
  };
}

/** The record of a new session. */
export function toRecord(
  begun: Pick<SessionRecord, "key" | "surface" | "revision" | "clientInfo" | "capabilities">,
  now: number,
): SessionRecord {
  return {
    ...begun,
    principal: anonymous.id,
    logLevel: null,
    subscriptions: [],
    createdAt: now,
    activeAt: now,
  };
}

/** Keeps a change for as long as the session lives. */
export async function keep(session: LiveSession, patch: SessionPatch): Promise<void> {
  if (session.isStored) await session.deps.sessions.update(session.key, patch);
}

/** Notes activity (P8). */
export function touch(session: LiveSession): void {
  session.activeAt = session.deps.clock.wall();
  if (session.isStored) session.deps.sessions.touch(session.key, session.activeAt);
}

/** Whether something is under way or somebody listens: such a session does not expire. */
export function isBusy({ calls, streams }: LiveSession): boolean {
  return calls.size > 0 || streams.connections.size > 0;
}

/** Notes that the client has finished its handshake, or acts as if it had. */
export function noteInitialized(session: LiveSession): void {
  allowOwned(session.streams.standing);
}

/**
 * Puts a question that belongs to no call: on the standing stream, else on the stream of a call
 * under way, else on the next standing stream.
 */
function askAnywhere(session: LiveSession, ask: Ask): Promise<Answer> {
  const { deps, revision, streams } = session;
  const wire = deps.codec.encodeAsk(ask, revision, session.caller.capabilities);
  if (wire instanceof Error) return Promise.resolve(toRefusal(wire));
  return session.asks.open(wire, (text, isWanted) => {
    if (streams.standing.open.length === 0) {
      const outlets = [...session.calls.values()].map((call) => call.outlet);
      for (const outlet of outlets.reverse()) {
        if (outlet.isHeard() && outlet.send(text)) return true;
      }
    }
    return sendOwned(streams.standing, text, isWanted);
  }).answer;
}

/** Ends the life of a session: its calls are answered by `error`, its streams end. */
export function endLiveSession(session: LiveSession, reason: string, error: GatewayError): void {
  if (session.isOver) return;
  session.isOver = true;
  session.stopWatching();
  for (const call of [...session.calls.values()]) call.abort(reason, error);
  session.asks.withdrawAll(reason);
  endStreams(session.streams);
  session.deps.gateway.endScope(session.key);
}
