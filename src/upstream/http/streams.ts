/**
 * Event streams of a remote server, and where each was when it broke: one is read until it ends or
 * nobody waits for it any more, a standing one is opened again and again. Follows "Resumability and
 * Redelivery" of the Streamable HTTP transport.
 */
import { type Clock, pause } from "../../clock.ts";
import { toGatewayError } from "../../errors.ts";
import type { Limits } from "../../limits.ts";
import { decodeSse } from "../../sse/decode.ts";
import type { HttpAnswer } from "./answer.ts";

/** Where a stream was when it broke. */
export interface Place {
  /** The last event's id; undefined when the stream cannot be taken up. */
  readonly eventId: string | undefined;
  /** How long the server asks to wait before. */
  readonly retryMs: number | undefined;
}

/** The place of a stream that was not opened yet. */
export const noPlace: Place = { eventId: undefined, retryMs: undefined };

/** What is done with a stream. */
export interface StreamReader {
  readonly limits: Pick<Limits, "responseBytesMax" | "reconnectMsMax">;
  /** Takes the text of one message. */
  readonly take: (text: string) => void | Promise<void>;
  /** Whether nobody waits for more of it. */
  readonly isDone: () => boolean;
}

/** Reads a stream to its end; rejects when it breaks before it said where it is. */
export async function readStream(
  answer: HttpAnswer,
  place: Place,
  { limits, take, isDone }: StreamReader,
): Promise<Place> {
  let { eventId, retryMs } = place;
  const events = decodeSse(answer.body, { eventBytesMax: limits.responseBytesMax }).getReader();
  try {
    for (;;) {
      const { done, value } = await events.read();
      if (done) break;
      if (value.id !== undefined) eventId = value.id;
      if (value.retry !== undefined) retryMs = Math.min(value.retry, limits.reconnectMsMax);
      if (value.data !== "" && value.event === "message") await take(value.data);
      if (isDone()) break;
    }
  } catch (thrown) {
    // What was read before it broke still says where to go on.
    if (eventId === undefined) throw thrown;
  } finally {
    void events.cancel().catch(() => {});
  }
  return { eventId, retryMs };
}

/** Opens a stream for what belongs to no request again whenever it ends; not all servers have one. */
export async function keepListening(
  { open, read, limits, clock, signal }: {
    readonly open: (eventId: string | undefined) => Promise<HttpAnswer>;
    readonly read: (answer: HttpAnswer, place: Place) => Promise<Place>;
    readonly limits: Pick<Limits, "reconnectMsMin" | "reconnectMsMax">;
    readonly clock: Clock;
    readonly signal: AbortSignal;
  },
): Promise<void> {
  let place = noPlace;
  let failures = 0;
  while (!signal.aborted) {
    try {
      place = await read(await open(place.eventId), place);
      failures = 0;
    } catch (thrown) {
      const status = toGatewayError(thrown).data?.["status"];
      // It has no such stream, or no such session any more, which the next call finds out.
      if (typeof status === "number" && status < 500) return;
      failures += 1;
    }
    const waitMs = Math.min(limits.reconnectMsMax, limits.reconnectMsMin * 2 ** failures);
    await pause(clock, place.retryMs ?? waitMs, signal).catch(() => {});
  }
}
