/**
 * The HTTP+SSE transport of 2024-11-05: GET opens the only stream, and its first event names the
 * URL for POSTs. Every answer is sent on the stream, and the session ends with it. Any revision of
 * the handshake era may be negotiated. Sessions are never stored, since they end with their stream.
 * No `connection_established` here: these clients know only `endpoint` and `message`.
 */
import { consumerOfSession } from "../../consumers.ts";
import { GatewayError, toGatewayError, withOutcome } from "../../errors.ts";
import type { EventStreamPlace } from "../../gateway/stream_places.ts";
import type { Principal } from "../../model.ts";
import { errorText, resultText } from "../../protocol/jsonrpc.ts";
import type { Frame } from "../../sse/encode.ts";
import { traceInHeaders } from "../../trace_context.ts";
import { parseAccept } from "../accept.ts";
import { type IsLostStream, onExpiry } from "../credential_expiry.ts";
import { type EventStream, openEventStream } from "../event_stream.ts";
import type { RequestContext } from "../request_context.ts";
import { type AnswerSink, type RequestMessage, runCall } from "./call.ts";
import { initializeSession } from "./initialize.ts";
import {
  assertRevisionHeader,
  assertTakeable,
  handshakeOf,
  type Inbound,
  takeQuiet,
} from "./inbound.ts";
import { answerBody } from "./post_body.ts";
import { endLiveSession, followRequest } from "./life.ts";
import { type LiveSession, noteInitialized, touch } from "./live_session.ts";
import { reserve } from "./session_places.ts";
import { forget, type SessionHolder, type Sessions } from "./session_table.ts";
import { adopt } from "./session_streams.ts";
import { lineKey } from "./owned_key.ts";
import { emptyResponse, logFault, streamResponse } from "../respond.ts";

/** One open stream. */
interface SseLine {
  /** Only its holder may post to it. */
  readonly holder: SessionHolder;
  readonly connection: EventStream;
  readonly place: EventStreamPlace;
  /** Under which other instances find it. */
  readonly key: string;
  /** Whether `initialize` was taken. */
  isBegun: boolean;
  /** Whether it ends as soon as no call runs on it. */
  isEnding: boolean;
  session: LiveSession | undefined;
}

/** The open streams of this transport. */
export interface SseTransport {
  readonly sessions: Sessions;
  /** By the id in the POST URL. */
  readonly lines: Map<string, SseLine>;
  /** Whether each stream ends as soon as no call runs on it. */
  isEnding: boolean;
}

/** Makes the transport, without a stream. */
export function createSseTransport(sessions: Sessions): SseTransport {
  return { sessions, lines: new Map(), isEnding: false };
}

/** Opens a stream. */
export async function openLine(
  transport: SseTransport,
  context: RequestContext,
): Promise<Response> {
  const { sessions } = transport;
  const { headers } = context.request;
  if (!parseAccept(headers.get("accept")).stream) {
    throw new GatewayError("not_acceptable", "Accept must allow text/event-stream");
  }
  context.assertOpen();
  assertRevisionHeader(headers);
  const { principal } = context;
  const { rates } = sessions.deps;
  rates.takeRequest(principal);
  const free = await reserve(sessions, context);
  try {
    // The gateway may have begun to stop meanwhile.
    context.assertOpen();
    const id = crypto.randomUUID();
    await sessions.deps.ownership?.().claim(lineKey(sessions.deps.sha256, id));
    const consumer = consumerOfSession(context.consumer, id);
    const place = rates.openStream({ principal, consumer });
    return streamResponse(createLine(transport, context, id, { place, free }));
  } catch (thrown) {
    free();
    throw thrown;
  }
}

/** Makes the stream of a new session; `free` releases the session's place when it ends. */
function createLine(
  { sessions, lines }: SseTransport,
  context: RequestContext,
  id: string,
  { place, free }: { readonly place: EventStreamPlace; readonly free: () => void },
): ReadableStream<Uint8Array> | null {
  const { holdOpen } = context.fetchContext;
  holdOpen?.();
  const { limits, heartbeats } = sessions.deps;
  const connection = openEventStream({ limits, heartbeats, isHeldOpen: holdOpen !== undefined });
  const key = lineKey(sessions.deps.sha256, id);
  const line: SseLine = {
    holder: { surface: context.surface, principal: context.principal, consumer: context.consumer },
    connection,
    place,
    key,
    isBegun: false,
    isEnding: false,
    session: undefined,
  };
  setBegun(sessions, line, false);
  lines.set(id, line);
  const stopExpiry = onExpiry(sessions.deps, () => principalOf(line), () => connection.end());
  const posts = context.path.replace(/\/sse$/, "/messages");
  connection.write({ event: "endpoint", data: `${posts}?sessionId=${id}` });
  connection.closed.then(() => {
    lines.delete(id);
    void sessions.deps.ownership?.().release(key);
    stopExpiry();
    free();
    place.leave();
    if (line.session !== undefined) hangUp(sessions, line.session, "the client closed its stream");
  }).catch((thrown) => logFault(sessions.deps.log, "Cannot end a session", thrown));
  return connection.bodyFor(context.fetchContext);
}

/** Takes messages for a stream; their answers go there. */
export async function takePost(
  transport: SseTransport,
  context: RequestContext,
): Promise<Response> {
  const value = await context.readJson();
  return answerBody(transport.sessions.deps, context, value, (inbound) => {
    take(transport, lineOf(transport, context), inbound, context);
    return emptyResponse(202);
  });
}

/** Ends all streams: at once if `force` is set or no call runs, otherwise after the last answer. */
export function endLines(transport: SseTransport, force: boolean): void {
  transport.isEnding = true;
  for (const { connection, session } of transport.lines.values()) {
    if (force || session === undefined || session.callCount === 0) end(transport, connection);
  }
}

/** Another instance owns a key: a stream of it, whose POSTs go there, ends here. */
export function loseLine(transport: SseTransport, key: string): void {
  for (const line of [...transport.lines.values()]) {
    if (line.key === key) end(transport, line.connection);
  }
}

/** The principal of its latest request. */
function principalOf({ holder, session }: SseLine): Principal {
  return session?.caller.principal ?? holder.principal;
}

/** Ends the streams of principals that lost the right to theirs: at once, or after the last answer. */
export function endLostLines(
  transport: SseTransport,
  isLost: IsLostStream,
  atOnce: boolean,
): void {
  for (const line of [...transport.lines.values()]) {
    if (!isLost(line.holder.surface, principalOf(line))) continue;
    line.isEnding = true;
    if (atOnce || (line.session?.callCount ?? 0) === 0) end(transport, line.connection);
  }
}

/** A session ends with its stream, so only a stream without one can give way to another. */
function setBegun({ deps: { limits } }: Sessions, line: SseLine, isBegun: boolean): void {
  line.isBegun = isBegun;
  line.place.yieldsBy(isBegun ? undefined : () => line.connection.end(limits.sseRetryMs));
}

function end({ sessions }: SseTransport, connection: EventStream): void {
  connection.end(sessions.deps.limits.sseRetryMs);
}

/** The stream that a POST is for; throws `session_unknown` also for another holder's stream. */
function lineOf(
  { lines }: SseTransport,
  { request, surface, principal }: RequestContext,
): SseLine {
  const id = new URL(request.url).searchParams.get("sessionId");
  if (id === null) {
    throw new GatewayError(
      "session_missing",
      "Missing sessionId in the URL: open the stream first",
    );
  }
  const line = lines.get(id);
  const isTheirs = line?.holder.surface === surface && line.holder.principal.id === principal.id;
  if (line === undefined || !isTheirs) throw new GatewayError("session_unknown");
  return line;
}

function take(
  transport: SseTransport,
  line: SseLine,
  inbound: Inbound,
  context: RequestContext,
): void {
  const opening = handshakeOf(inbound);
  if (opening !== undefined) {
    if (line.isBegun) {
      throw new GatewayError("invalid_request", 'Cannot take a second "initialize" on one stream');
    }
    setBegun(transport.sessions, line, true);
    return void begin(transport.sessions, line, opening);
  }
  const { session } = line;
  if (session === undefined) {
    throw new GatewayError("invalid_request", 'Cannot take this yet: "initialize" comes first');
  }
  followRequest(session, context);
  assertTakeable(session, inbound);
  touch(session);
  const sink = sinkOf(transport, session, line);
  const trace = traceInHeaders(context.request.headers);
  for (const message of inbound.messages) {
    if (message.kind !== "request") takeQuiet(session, message);
    else {
      noteInitialized(session);
      runCall(session, message, sink, trace);
    }
  }
}

/** Runs the handshake; its result is the first message on the stream. */
async function begin(sessions: Sessions, line: SseLine, opening: RequestMessage): Promise<void> {
  const { connection } = line;
  try {
    const { session, result } = await initializeSession(sessions, opening, line.holder, false);
    if (!connection.write(toFrame(resultText(opening.id, result)))) {
      return hangUp(sessions, session, "the client closed its stream");
    }
    line.session = session;
    adopt(session.streams, connection, toFrame);
  } catch (thrown) {
    const error = toGatewayError(thrown);
    if (error.code === "internal") logFault(sessions.deps.log, "Cannot open a session", thrown);
    setBegun(sessions, line, false);
    connection.write(toFrame(errorText(opening.id, withOutcome(error, "not_sent").toRpc())));
  }
}

function hangUp(sessions: Sessions, session: LiveSession, reason: string): void {
  forget(sessions, session);
  endLiveSession(session, reason, new GatewayError("cancelled", `Cannot go on: ${reason}`));
}

function sinkOf(
  transport: SseTransport,
  session: LiveSession,
  line: SseLine,
): AnswerSink {
  const { connection } = line;
  const send = (text: string): boolean => connection.write(toFrame(text));
  return {
    send,
    isHeard: () => true,
    queuedBytes: () => connection.isOver() ? 0 : connection.queuedBytes(),
    settle(text) {
      if (text !== undefined) send(text);
      const isEnding = transport.isEnding || line.isEnding;
      if (isEnding && session.callCount === 0) end(transport, connection);
    },
  };
}

function toFrame(text: string): Frame {
  return { event: "message", data: text };
}
