/**
 * The content of a client's POST: one message or, if the revision has batches, a batch. It is
 * checked as a whole before any of it takes effect. Also here: the effect of notifications and
 * responses on a session. Not here: requests (call.ts). Follows "Sending Messages to the Server".
 */
import { GatewayError } from "../../errors.ts";
import type { Limits } from "../../limits.ts";
import type { RequestId } from "../../model.ts";
import { oneLine } from "../../one_line.ts";
import { type Message, toMessage } from "../../protocol/jsonrpc.ts";
import { hasBatches, isServed, revisions } from "../../protocol/legacy/revisions.ts";
import { assertCallable, type RequestMessage } from "./call.ts";
import { type LiveSession, noteInitialized } from "./live_session.ts";

/** The messages of one POST, in order. */
export interface Inbound {
  readonly messages: readonly Message[];
  /** Those that get an answer. */
  readonly requests: readonly RequestMessage[];
  readonly isBatch: boolean;
}

/** A message that gets no answer. */
export type QuietMessage = Exclude<Message, RequestMessage>;

/** The messages of a body. Throws `invalid_request` if one of them is no message. */
export function toInbound(value: unknown, limits: Limits): Inbound {
  if (!Array.isArray(value)) return inboundOf([toMessage(value, limits)], false);
  if (value.length === 0 || value.length > limits.batchItemsMax) {
    throw new GatewayError(
      "invalid_request",
      `Cannot take a batch of ${value.length} messages: expected 1 to ${limits.batchItemsMax}`,
    );
  }
  return inboundOf(value.map((item) => toMessage(item, limits)), true);
}

function inboundOf(messages: readonly Message[], isBatch: boolean): Inbound {
  return { messages, requests: messages.filter((message) => message.kind === "request"), isBatch };
}

/** The request that opens a session, if the POST has one. */
export function handshakeOf({ requests, isBatch }: Inbound): RequestMessage | undefined {
  const opening = requests.find(({ method }) => method === "initialize");
  if (opening !== undefined && isBatch) {
    throw new GatewayError("invalid_request", 'Cannot take "initialize" inside a batch');
  }
  return opening;
}

/** The id that an error about the whole POST may carry. */
export function onlyIdOf({ messages }: Inbound): RequestId | undefined {
  const [message] = messages;
  return messages.length === 1 && message?.kind === "request" ? message.id : undefined;
}

/** Throws unless the header is absent or names any served revision. */
export function assertRevisionHeader(headers: Headers): void {
  const revision = headers.get("mcp-protocol-version");
  if (revision === null || isServed(revision)) return;
  throw new GatewayError(
    "revision_unsupported",
    `Cannot speak protocol version ${JSON.stringify(revision)}: use one of ${revisions.join(", ")}`,
    { data: { supported: [...revisions], requested: revision } },
  );
}

/**
 * Throws unless the session can take all of these messages; runs before any of them takes effect.
 */
export function assertTakeable(
  session: LiveSession,
  { messages, requests, isBatch }: Inbound,
): void {
  if (isBatch && !hasBatches(session.revision)) {
    throw new GatewayError(
      "invalid_request",
      `Cannot take a batch: protocol version ${session.revision} has none, send one message`,
    );
  }
  for (const message of messages) if (message.kind !== "request") assertQuiet(session, message);
  if (requests.length > 0) assertCallable(session, requests);
}

function assertQuiet(session: LiveSession, message: QuietMessage): void {
  if (message.kind !== "notification") {
    if (session.asks.isOpen(message.id)) return;
    throw new GatewayError(
      "invalid_request",
      `Cannot deliver response ${
        JSON.stringify(message.id)
      }: no such request waits in this session`,
    );
  }
  const { method, params } = message;
  const decoded = session.deps.codec.decodeNotification(method, params, session.revision);
  if (decoded.kind === "invalid") throw new GatewayError("invalid_request", decoded.message);
}

/** Carries out a notification or accepts a response; unknown ones are ignored. */
export function takeQuiet(session: LiveSession, message: QuietMessage): void {
  if (message.kind !== "notification") return void session.asks.deliver(message);
  const { deps, revision, surface, caller } = session;
  const decoded = deps.codec.decodeNotification(message.method, message.params, revision);
  if (decoded.kind !== "ok") return;
  const { method, params } = decoded;
  switch (method) {
    case "notifications/initialized":
      return noteInitialized(session);
    case "notifications/cancelled":
      return session.calls.get(params.requestId as RequestId)
        ?.abort(reasonOf(params.reason, deps.limits));
    case "notifications/roots/list_changed":
      return deps.gateway.notify(surface, caller, method, params);
  }
}

/** The reason for a cancellation, as it goes to the server. */
function reasonOf(reason: unknown, { logReasonCharsMax }: Limits): string {
  return typeof reason === "string" ? oneLine(reason, logReasonCharsMax) : "the client cancelled";
}
