/**
 * The life of a handshake-era session in memory. It begins at the handshake, or from the stored
 * record when the client returns after a restart. It receives notices that belong to no call, and
 * ends its calls, questions and streams when it ends. Not here: which sessions exist
 * (session_table.ts).
 */
import { consumerOfSession } from "../../consumers.ts";
import type { GatewayError } from "../../errors.ts";
import type { Answer, Ask, Caller, Principal } from "../../model.ts";
import type { SessionRecord } from "../../session/session_store.ts";
import { toRefusal } from "../../protocol/shared/ask_refusal.ts";
import type { RequestContext } from "../request_context.ts";
import { deliver } from "./notices.ts";
import { type LegacyDeps, LiveSession } from "./live_session.ts";
import { sendOwned } from "./standalone_stream.ts";
import { endStreams, hintStreams, releaseKept } from "./session_streams.ts";

const noUris: readonly string[] = [];

/** What a session in memory has that its record has not. */
export interface OpeningSession extends Pick<LiveSession, "id" | "isStored"> {
  /** Its principal, as the request has it that opens or loads the session. */
  readonly principal: Principal;
  readonly consumer: string;
}

/** Opens a session in memory and watches the servers for it. */
export function openLiveSession(
  deps: LegacyDeps,
  record: SessionRecord,
  { id, isStored, principal, consumer }: OpeningSession,
): LiveSession {
  const caller = toCaller(record, principal, consumerOfSession(consumer, record.key));
  const session = new LiveSession({ deps, id, isStored, record, caller });
  session.stopWatching = deps.gateway.watch(
    session.surface,
    session.caller,
    {
      notice: (notice) => void deliver(session, notice),
      ask: (ask) => askAnywhere(session, ask),
    },
    () => session.subscriptionCount === 0 ? noUris : [...session.subscriptions],
  );
  return session;
}

function toCaller(record: SessionRecord, principal: Principal, consumer: string): Caller {
  return {
    principal,
    consumer,
    scope: record.key,
    revision: record.revision,
    capabilities: record.capabilities,
    clientInfo: record.clientInfo,
    ...(record.logLevel !== null && { logLevel: record.logLevel }),
  };
}

/**
 * The session has the rights of its latest request: with other credentials of the same principal
 * they may grow or shrink. It takes the share of that request's consumer, too.
 */
export function followRequest(
  session: LiveSession,
  { principal, consumer }: Pick<RequestContext, "principal" | "consumer">,
): void {
  const { caller, key, deps } = session;
  const own = consumerOfSession(consumer, key);
  if (caller.principal === principal && caller.consumer === own) return;
  session.caller = { ...caller, principal, consumer: own };
  if (caller.principal !== principal) deps.gateway.follow(key, principal);
}

/** The record of a new session. */
export function toRecord(
  begun: Omit<SessionRecord, "logLevel" | "subscriptions" | "createdAt" | "activeAt">,
  now: number,
): SessionRecord {
  return {
    ...begun,
    logLevel: null,
    subscriptions: [],
    createdAt: now,
    activeAt: now,
  };
}

/**
 * Asks the client a question that belongs to no call: on the standalone stream, else on the stream
 * of a call under way, else on the next standalone stream.
 */
function askAnywhere(session: LiveSession, ask: Ask): Promise<Answer> {
  const { deps, streams } = session;
  const wire = deps.codec.encodeAsk(ask, session.caller);
  if (wire instanceof Error) return Promise.resolve(toRefusal(wire));
  return session.asks.open(wire, (text, isWanted) => {
    if (streams.standalone.open.length === 0) {
      const sinks = [...session.calls.values()].map((call) => call.sink);
      for (const sink of sinks.reverse()) {
        if (sink.isHeard() && sink.send(text)) return true;
      }
    }
    return sendOwned(streams.standalone, text, isWanted);
  }).answer;
}

/** Removes a session from memory; the servers keep its scope. */
export function suspendSession(session: LiveSession): void {
  session.isOver = true;
  session.stopWatching();
  session.stopExpiry();
  if (session.madeStreams !== undefined) releaseKept(session.madeStreams);
}

/** Ends a session: its calls fail with `error`, and its streams end. */
export function endLiveSession(session: LiveSession, reason: string, error: GatewayError): void {
  if (session.isOver) return;
  session.isOver = true;
  session.deps.emit({ type: "session_ended", surface: session.surface, why: reason });
  session.stopWatching();
  session.stopExpiry();
  const isStopping = error.code === "draining";
  const streams = session.madeStreams;
  if (isStopping && streams !== undefined) hintStreams(streams);
  if (session.callCount > 0) {
    for (const call of [...session.calls.values()]) call.abort(reason, error);
  }
  if (session.askCount > 0) session.asks.withdrawAll(reason);
  if (streams !== undefined) {
    endStreams(streams);
    releaseKept(streams);
  }
  // A stored session continues after the restart, so its scope must survive.
  if (!isStopping || !session.isStored) session.deps.gateway.endScope(session.key);
}
