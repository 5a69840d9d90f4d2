/**
 * Event streams of a remote server: the one that answers a request, taken up where it broke until
 * the answer has come, and the one of what belongs to no request, opened again and again. What the
 * messages mean is for the peer; that a stream can be taken up at all is its dialect's to say.
 * Follows "Resumability and Redelivery" of the Streamable HTTP transport.
 */
import { type Clock, sleep } from "../../clock.ts";
import { type GatewayError, toGatewayError } from "../../errors.ts";
import type { Limits } from "../../limits.ts";
import type { Log } from "../../log.ts";
import { decodeSse } from "../../sse/decode.ts";
import type { HttpAnswer } from "../../outgoing/http_answer.ts";
import { isNoSuchThing } from "./error_response.ts";

/** What streams work with. */
export interface StreamOptions {
  readonly limits: Limits;
  readonly clock: Clock;
  /** Takes a message; a returned promise asks the reader to wait. */
  readonly receive: (text: string) => void | Promise<void>;
}

/** Opens a stream, after an event of a broken one where there is one. */
export type OpenStream = (eventId: string | undefined, signal: AbortSignal) => Promise<HttpAnswer>;

/** Where a stream was when it ended, and why it broke, if it did. */
interface Place {
  readonly eventId: string | undefined;
  readonly retryMs: number | undefined;
  readonly fault?: GatewayError | undefined;
}

const start: Place = { eventId: undefined, retryMs: undefined };

/**
 * Reads the stream that answers a request until `isOver`, or until there is nothing more to be had:
 * then with what broke it, if anything did. Without `open` it cannot be taken up.
 */
export async function readToAnswer(
  first: HttpAnswer,
  options: StreamOptions & {
    readonly open: OpenStream | undefined;
    readonly isOver: () => boolean;
    readonly signal: AbortSignal;
  },
): Promise<GatewayError | undefined> {
  const { limits, clock, open, isOver, signal } = options;
  let place = await readEvents(first, start, options);
  const { fault } = place;
  for (let vain = 0; !isOver() && !signal.aborted;) {
    const { eventId } = place;
    // An answer that is not valid would be none the next time.
    if (place.fault?.code === "bad_upstream_response") return place.fault;
    if (open === undefined || eventId === undefined || vain >= limits.resumesMax) return fault;
    await sleep(clock, within(limits, place.retryMs) ?? limits.sseRetryMs, signal);
    if (signal.aborted) return fault;
    try {
      place = await readEvents(await open(eventId, signal), place, options);
    } catch (thrown) {
      if (isNoSuchThing(toGatewayError(thrown))) return fault;
    }
    vain = place.eventId === eventId ? vain + 1 : 0;
  }
  return fault;
}

/** The stream of what belongs to no request. */
export interface ListeningStream {
  /** Opens it unless it is open or about to be; false when the server refuses it. */
  start(): boolean;
  /** Closes it: another session has another one. */
  stop(): void;
}

/** What the stream of what belongs to no request works with. */
export interface ListeningStreamOptions extends StreamOptions {
  readonly log: Log;
  readonly open: OpenStream;
  /** Whether a refusal says that the session is gone. */
  readonly isLost: (error: GatewayError) => boolean;
  /** A server that had such a stream no longer knows the session. */
  readonly lost: () => void;
  /** The server has no such stream. */
  readonly refused: () => void;
}

/** Makes it. It is optional: that it cannot be opened is logged once, and changes nothing else. */
export function createListeningStream(options: ListeningStreamOptions): ListeningStream {
  const { limits, clock, log, open } = options;
  let current: AbortController | undefined;
  let isRefused = false;
  let isLogged = false;

  const note = ({ message }: GatewayError): void => {
    if (isLogged) return;
    isLogged = true;
    log.info("Cannot open the standalone stream; calls are not affected", {
      reason: message,
    });
  };
  const stand = async (signal: AbortSignal): Promise<void> => {
    let place = start;
    let failures = 0;
    let hasStood = false;
    while (!signal.aborted) {
      const { eventId } = place;
      try {
        const answer = await open(eventId, signal);
        hasStood = true;
        const since = clock.monotonic();
        place = await readEvents(answer, place, options);
        const isUseful = place.eventId !== eventId ||
          clock.monotonic() - since >= limits.reconnectMsMin;
        failures = isUseful ? 0 : failures + 1;
      } catch (thrown) {
        if (signal.aborted) return;
        const error = toGatewayError(thrown);
        if (isNoSuchThing(error)) {
          isRefused = true;
          options.refused();
          // Not every server has one; but one that had it has lost the session.
          if (hasStood && options.isLost(error)) options.lost();
          return;
        }
        note(error);
        failures += 1;
      }
      const backOffMs = limits.reconnectMsMin * 2 ** failures;
      const askedMs = within(limits, place.retryMs) ?? limits.reconnectMsMin;
      const waitMs = failures === 0 ? askedMs : Math.max(askedMs, backOffMs);
      await sleep(clock, Math.min(limits.reconnectMsMax, waitMs), signal);
    }
  };
  return {
    start() {
      if (current === undefined) {
        current = new AbortController();
        isRefused = false;
        void stand(current.signal);
      }
      return !isRefused;
    },
    stop() {
      current?.abort();
      current = undefined;
    },
  };
}

/** What a server asks for, within reason. */
function within(
  { reconnectMsFloor, reconnectMsMax }: Limits,
  ms: number | undefined,
): number | undefined {
  return ms === undefined ? undefined : Math.min(reconnectMsMax, Math.max(reconnectMsFloor, ms));
}

/** A place that a header can name; "" takes back the last one. */
function toPlace(id: string, { headerBytesMax }: Limits): string | undefined {
  const isText = /^[ -~\u{80}-\u{10ffff}]+$/u.test(id);
  return isText && id.length <= headerBytesMax / 4 ? id : undefined;
}

/** Reads one stream to its end, or until `isOver`. */
async function readEvents(
  answer: HttpAnswer,
  from: Place,
  { limits, clock, receive, isOver = () => false }: StreamOptions & {
    readonly isOver?: () => boolean;
  },
): Promise<Place> {
  let { eventId, retryMs } = from;
  const events = decodeSse(answer.body, { eventBytesMax: limits.responseBytesMax }).getReader();
  try {
    for (;;) {
      const { done, value } = await events.read();
      if (done) break;
      if (value.id !== undefined) eventId = toPlace(value.id, limits);
      retryMs = value.retry ?? retryMs;
      if (value.event !== "message") continue;
      await receive(value.data);
      if (!isOver()) continue;
      await leave(events, clock, limits.streamEndMs);
      break;
    }
  } catch (thrown) {
    return { eventId, retryMs, fault: toGatewayError(thrown) };
  }
  return { eventId, retryMs };
}

/**
 * Lets a server end its stream, which leaves the connection whole; cuts it when that takes long.
 */
async function leave(
  events: { read(): Promise<{ readonly done: boolean }>; cancel(): Promise<void> },
  clock: Clock,
  ms: number,
): Promise<void> {
  const cancel = () => void events.cancel().catch(() => {});
  const stopWaiting = clock.after(ms, cancel);
  try {
    while (!(await events.read()).done);
  } catch {
    // It had said all.
  } finally {
    stopWaiting();
  }
}
