/**
 * The Streamable HTTP binding of the handshake era: POST, GET and DELETE on one URL, sessions named
 * by `Mcp-Session-Id`. Follows the transports page of 2025-03-26 to 2025-11-25; what differs
 * between those revisions is data of the codec. Not here: routes and guards (routes.ts), the older
 * two-URL transport (http_sse.ts).
 */
import { GatewayError } from "../../errors.ts";
import { resultText } from "../../protocol/jsonrpc.ts";
import { traceInHeaders } from "../../trace_context.ts";
import { type Accepts, parseAccept } from "../accept.ts";
import { onExpiry } from "../credential_expiry.ts";
import { type RequestMessage, runCall } from "./call.ts";
import { connectionEventOf } from "./connection_event.ts";
import { initializeSession } from "./initialize.ts";
import {
  assertRevisionHeader,
  assertTakeable,
  handshakeOf,
  type Inbound,
  takeQuiet,
} from "./inbound.ts";
import type { RequestContext } from "../request_context.ts";
import { answerBody } from "./post_body.ts";
import { PostReply } from "./reply.ts";
import { type LiveSession, noteInitialized } from "./live_session.ts";
import { reserve } from "./session_places.ts";
import { endSession, findSession, type Sessions } from "./session_table.ts";
import { closeForNow, findReplay, openStandaloneStream } from "./session_streams.ts";
import { emptyResponse, streamResponse } from "../respond.ts";

/** Messages from the client; `value` is the body. */
export function post(
  sessions: Sessions,
  context: RequestContext,
  value: unknown,
  accepts: Accepts,
): Response | Promise<Response> {
  return answerBody(sessions.deps, context, value, (inbound, refuse) => {
    const opening = handshakeOf(inbound);
    if (opening !== undefined) return open(sessions, context, opening, accepts).catch(refuse);
    const session = sessionOf(sessions, context);
    return session instanceof Promise
      ? session.then((found) => take(found, context, inbound, accepts)).catch(refuse)
      : take(session, context, inbound, accepts);
  });
}

/** Opens the stream for messages that belong to no call, or resumes a broken stream. */
export async function get(sessions: Sessions, context: RequestContext): Promise<Response> {
  const { headers } = context.request;
  if (!headers.get("mcp-session-id")) {
    throw new GatewayError("session_missing", howToStream(context));
  }
  if (!parseAccept(headers.get("accept")).stream) {
    throw new GatewayError("not_acceptable", "Accept must allow text/event-stream");
  }
  context.assertOpen();
  assertRevisionHeader(headers);
  const session = await sessionOf(sessions, context);
  const { rates } = sessions.deps;
  const { principal } = context;
  rates.takeRequest(principal);
  const replay = await findReplay(session.streams, headers.get("last-event-id"));
  const place = rates.openStream({ principal, consumer: session.caller.consumer });
  const { fetchContext } = context;
  fetchContext.holdOpen?.();
  noteInitialized(session);
  const body = openStandaloneStream(
    session.streams,
    fetchContext,
    replay,
    connectionEventOf(session, headers),
    place,
  );
  session.stopExpiry();
  session.stopExpiry = onExpiry(
    session.deps,
    () => session.caller.principal,
    () => closeForNow(session.streams),
  );
  // By the HTML standard "no content" tells a client to stop reconnecting.
  return body === undefined ? emptyResponse(204) : streamResponse(body);
}

/**
 * What a GET without a session should do instead, in Streamable HTTP and in the older transport.
 */
function howToStream({ path }: RequestContext): string {
  const older = path.replace(/[^/]+$/, "sse");
  return "Cannot open a stream without a session: POST initialize first and repeat the " +
    `Mcp-Session-Id it returns; a client of the HTTP+SSE transport (2024-11-05) uses ${older}`;
}

/** Ends a session. */
export async function remove(sessions: Sessions, context: RequestContext): Promise<Response> {
  assertRevisionHeader(context.request.headers);
  const session = await sessionOf(sessions, context);
  await endSession(sessions, session, "the client ended the session");
  return emptyResponse(204);
}

const noSession =
  "Missing Mcp-Session-Id header: send initialize first and repeat the id it returns";

function sessionOf(
  sessions: Sessions,
  context: RequestContext,
): LiveSession | Promise<LiveSession> {
  const id = context.request.headers.get("mcp-session-id");
  if (id === null || id === "") throw new GatewayError("session_missing", noSession);
  return findSession(sessions, id, context);
}

/** Opens a session. */
async function open(
  sessions: Sessions,
  context: RequestContext,
  opening: RequestMessage,
  accepts: Accepts,
): Promise<Response> {
  const { holdOpen } = context.fetchContext;
  sessions.deps.rates.takeRequest(context.principal);
  const free = await reserve(sessions, context);
  try {
    const { session, result } = await initializeSession(sessions, opening, context, true);
    const headers = { "mcp-session-id": session.id };
    const reply = new PostReply(session, {
      accepts,
      requests: [opening],
      isBatch: false,
      headers,
      holdOpen,
    });
    reply.settle(resultText(opening.id, result), 200, opening.id);
    return await reply.response;
  } finally {
    free();
  }
}

/** Takes messages in a session; its promise does not reject. */
function take(
  session: LiveSession,
  { request: { headers }, fetchContext: { holdOpen } }: RequestContext,
  inbound: Inbound,
  accepts: Accepts,
): Response | Promise<Response> {
  assertTakeable(session, inbound);
  const { messages, requests, isBatch } = inbound;
  const count = requests.length;
  if (count > 0) noteInitialized(session);
  const reply = count > 0
    ? new PostReply(session, { accepts, requests, isBatch, holdOpen })
    : undefined;
  const trace = count > 0 ? traceInHeaders(headers) : undefined;
  for (const message of messages) {
    if (message.kind !== "request") takeQuiet(session, message);
    else if (reply !== undefined) runCall(session, message, reply, trace);
  }
  return reply === undefined ? emptyResponse(202) : reply.response;
}
