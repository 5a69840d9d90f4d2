/**
 * Server-Sent Events on the way out: frames to bytes, and one client's stream. A stream is a
 * TransformStream with the encoder inside; bytes that were encoded once for many readers pass
 * through it unchanged. The format is that of the WHATWG HTML standard (9.2.5 and 9.2.6). Field
 * values that could forge a line are refused, never repaired. Not here: ids for replay
 * (session/event_log.ts) and when a heartbeat is due (http).
 */
import type { Limits } from "../limits.ts";

/** One frame; absent members write no line. A frame without `data` dispatches no event. */
export interface Frame {
  readonly comment?: string;
  readonly event?: string;
  readonly id?: string;
  /** Milliseconds before a client reconnects. */
  readonly retry?: number;
  /** May contain line breaks; the empty text is an event with empty data. */
  readonly data?: string;
}

/** How a stream ended. */
export type FrameStreamEnd = "ended" | "cancelled" | "overflow";

/** One client's stream. */
export interface FrameStream {
  /** The body of the response. */
  readonly readable: ReadableStream<Uint8Array>;
  /**
   * Queues a frame, or bytes from `encodeFrame`. Returns false if the stream is over or its reader
   * has used up the byte budget, which ends it. Throws if the frame has a forbidden field value.
   */
  write(frame: Frame | Uint8Array): boolean;
  /** Ends the stream after the queued frames. */
  end(): void;
  /**
   * Resolves, never rejects: `ended` when everything was read after `end`, `cancelled` when the
   * reader left, `overflow` when it was too slow.
   */
  readonly closed: Promise<FrameStreamEnd>;
  /** Bytes that wait for the reader. Text counts one byte a character until it is encoded. */
  queuedBytes(): number;
}

const encoder = new TextEncoder();
const lineBreakOrNul = /[\r\n\0]/;
const lineBreak = /\r\n|\r|\n/;

/** The bytes of one frame. Throws a TypeError if `event`, `id` or `comment` could forge a line. */
export function encodeFrame(frame: Frame): Uint8Array {
  assertFrame(frame);
  return encoder.encode(toText(frame));
}

/** Opens a stream whose reader may lag by `streamBytesMax` and one frame. */
export function openFrameStream(limits: Pick<Limits, "streamBytesMax">): FrameStream {
  let queued = 0;
  let over = false;
  let overflowed = false;
  // Set by `start`, which runs inside the constructor.
  let controller!: TransformStreamDefaultController<Uint8Array>;
  const transform = new TransformStream<Frame | Uint8Array, Uint8Array>({
    start: (given) => {
      controller = given;
    },
    transform: (chunk) => {
      queued -= sizeOf(chunk);
      controller.enqueue(chunk instanceof Uint8Array ? chunk : encoder.encode(toText(chunk)));
    },
  });
  const writer = transform.writable.getWriter();
  const finish = (end: FrameStreamEnd): FrameStreamEnd => {
    over = true;
    queued = 0;
    return end;
  };
  const closed = writer.closed.then(
    () => finish("ended"),
    () => finish(overflowed ? "overflow" : "cancelled"),
  );

  return {
    readable: transform.readable,
    write(frame) {
      if (!(frame instanceof Uint8Array)) assertFrame(frame);
      if (over) return false;
      if (queued >= limits.streamBytesMax) {
        over = true;
        overflowed = true;
        // A clean end between two frames, so that the client resumes instead of reporting a fault.
        controller.terminate();
        return false;
      }
      queued += sizeOf(frame);
      // A write fails only with the whole stream, which `closed` reports.
      writer.write(frame).catch(() => {});
      return true;
    },
    end() {
      if (over) return;
      over = true;
      writer.close().catch(() => {});
    },
    closed,
    queuedBytes: () => queued,
  };
}

/**
 * Refuses values that could end a line early (case B14), and a `retry` that clients would ignore.
 */
function assertFrame(frame: Frame): void {
  for (const field of ["event", "id", "comment"] as const) {
    const value = frame[field];
    if (value !== undefined && lineBreakOrNul.test(value)) {
      throw new TypeError(
        `Cannot encode ${field} ${JSON.stringify(value)}: line breaks and NUL are forbidden in it`,
      );
    }
  }
  const { retry } = frame;
  if (retry !== undefined && !(Number.isSafeInteger(retry) && retry >= 0)) {
    throw new TypeError(`Cannot encode retry "${retry}": expected whole milliseconds from 0`);
  }
}

/** The text of a frame that has been checked. */
function toText({ comment, event, id, retry, data }: Frame): string {
  let text = "";
  if (comment !== undefined) text += `: ${comment}\n`;
  if (event !== undefined) text += `event: ${event}\n`;
  if (id !== undefined) text += `id: ${id}\n`;
  if (retry !== undefined) text += `retry: ${retry}\n`;
  if (data !== undefined) {
    for (const line of data.split(lineBreak)) text += `data: ${line}\n`;
  }
  return `${text}\n`;
}

function sizeOf(frame: Frame | Uint8Array): number {
  if (frame instanceof Uint8Array) return frame.byteLength;
  return (frame.data?.length ?? 0) + (frame.comment?.length ?? 0) + (frame.id?.length ?? 0) +
    (frame.event?.length ?? 0);
}
