/**
 * The answers of the gateway as they come: the messages of an event stream or of one body, each
 * passed on as a line, and the place where a stream can be resumed. Not here: when a stream is
 * resumed.
 */
import { GatewayError } from "../../errors.ts";
import type { JsonObject } from "../../model.ts";
import { decodeSse } from "../../sse/decode.ts";
import { errorIn, type GatewayAnswer, lost, readText } from "./gateway_http.ts";
import type { Bridge } from "./bridge_parts.ts";
import { type ClientRequest, deliver, fail } from "./client_requests.ts";

/** Where a stream broke off, or ended. */
export interface StreamPlace {
  /** The id of its last event; undefined if it cannot be resumed. */
  readonly eventId: string | undefined;
  readonly retryMs: number | undefined;
  /** Whether anything came. */
  readonly hasMoved: boolean;
  /** Whether another stream came instead of the one that was asked for. */
  readonly isOther: boolean;
}

/** The place before the first event. */
export const beforeFirst: StreamPlace = {
  eventId: undefined,
  retryMs: undefined,
  hasMoved: false,
  isOther: false,
};

/** What is seen of results on their way. */
export type SeeResult = (result: JsonObject, request: ClientRequest) => void;

/**
 * Reads one stream to its end; a broken one ends, too. `take` passes a message on. A stream of
 * requests has only messages, so any other event shows that the gateway began a new one.
 */
export async function readStream(
  { limits, closing }: Bridge,
  { body }: GatewayAnswer,
  from: StreamPlace,
  isOfRequests: boolean,
  take: (text: string) => Promise<void>,
): Promise<StreamPlace> {
  let place: StreamPlace = { ...from, hasMoved: false };
  const events = decodeSse(body, { eventBytesMax: limits.bridgeMessageBytesMax }).getReader();
  const leave = () => void events.cancel().catch(() => {});
  closing.addEventListener("abort", leave);
  try {
    for (;;) {
      const { done, value } = await events.read();
      if (done) return place;
      if (isOfRequests && value.event !== "message") {
        leave();
        return { ...place, isOther: true };
      }
      const eventId = value.id === undefined ? place.eventId : value.id || undefined;
      place = { ...place, eventId, retryMs: value.retry ?? place.retryMs, hasMoved: true };
      if (value.event === "message" && value.data !== "") await take(value.data);
    }
  } catch {
    return place;
  } finally {
    closing.removeEventListener("abort", leave);
  }
}

/** Passes the only body of an answer on: a message, an error for its requests, or nothing. */
export async function takeBody(
  { out, limits }: Bridge,
  { status, body }: GatewayAnswer,
  requests: readonly ClientRequest[],
  see?: SeeResult,
): Promise<void> {
  const text = await readText(body, limits.bridgeMessageBytesMax).catch((thrown) => {
    throw thrown instanceof GatewayError ? thrown : lost();
  });
  if (status >= 200 && status < 300) {
    if (text !== "") await deliver(out, text, requests, see);
    return;
  }
  await fail(out, requests, errorIn(text) ?? refusal(status));
}

/** The messages of an answer that the client does not get. */
export async function collect(bridge: Bridge, answer: GatewayAnswer): Promise<string[]> {
  if (!answer.isStream) return [await readText(answer.body, bridge.limits.bridgeMessageBytesMax)];
  const messages: string[] = [];
  await readStream(bridge, answer, beforeFirst, false, (text) => {
    messages.push(text);
    return Promise.resolve();
  });
  return messages;
}

/** Leaves the body of an answer that says nothing more. */
export function discard({ body }: GatewayAnswer): void {
  void body.cancel().catch(() => {});
}

/** The error for a refusal without words of its own. */
export function refusal(status: number): GatewayError {
  return new GatewayError("gateway_unavailable", `The gateway answers with status ${status}`);
}
