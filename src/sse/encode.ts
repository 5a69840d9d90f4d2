/**
 * Server-Sent Events on the way out: frames to text and bytes. The format is that of the WHATWG
 * HTML standard (9.2.5 and 9.2.6). Field values that could forge a line are refused, never
 * repaired. Not here: one client's stream (frame_stream.ts), ids for replay
 * (session/event_log.ts) and when a heartbeat is due (http).
 */

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

/** A frame in the form for the client: bytes, or the text of `frameText`. */
export type EncodedFrame = Uint8Array | string;

/** One frame for many readers. The first stream that takes it encodes it for all. */
export interface SharedFrame {
  readonly frame: Frame;
  /** Absent until a stream has encoded it. */
  bytes: Uint8Array | undefined;
}

/** What an encoder takes: the text of some frames, or a frame that has bytes of its own. */
export type EncodedChunk = EncodedFrame | SharedFrame;

const encoder = new TextEncoder();
const lineBreakOrNul = /[\r\n\0]/;
const lineBreak = /\r\n|\r|\n/;

/** The text of one frame. Throws a TypeError if `event`, `id` or `comment` could forge a line. */
export function frameText(frame: Frame): string {
  assertFrame(frame);
  const { comment, event, id, retry, data } = frame;
  let text = "";
  if (comment !== undefined) text += `: ${comment}\n`;
  if (event !== undefined) text += `event: ${event}\n`;
  if (id !== undefined) text += `id: ${id}\n`;
  if (retry !== undefined) text += `retry: ${retry}\n`;
  if (data !== undefined) text += dataLines(data);
  return `${text}\n`;
}

/** The bytes of one frame. Throws as `frameText` does. */
export function encodeFrame(frame: Frame): Uint8Array {
  return encoder.encode(frameText(frame));
}

/** A longer frame is kept as bytes: joining texts copies them, which only pays for short ones. */
const joinedCharsMax = 512;
const beyondAscii = /[^\0-\x7f]/;

/**
 * A frame that is kept. A short one of ASCII alone, which has a byte for each character, stays
 * text: a stream encodes the frames of one moment together. Any other is encoded once, here.
 */
export function keptFrame(frame: Frame): EncodedFrame {
  const text = frameText(frame);
  return text.length <= joinedCharsMax && !beyondAscii.test(text) ? text : encoder.encode(text);
}

/** Prepares a frame for many readers. Throws as `frameText` does. */
export function shareFrame(frame: Frame): SharedFrame {
  assertFrame(frame);
  return { frame, bytes: undefined };
}

/** The bytes of a shared frame: all streams queue the same ones. */
export function sharedBytes(shared: SharedFrame): Uint8Array {
  return shared.bytes ??= encodeFrame(shared.frame);
}

/** The bytes of frames as text. */
export function encodeText(text: string): Uint8Array {
  return encoder.encode(text);
}

/** The bytes of a chunk. */
export function toBytes(chunk: EncodedChunk): Uint8Array {
  if (chunk instanceof Uint8Array) return chunk;
  return typeof chunk === "string" ? encodeText(chunk) : sharedBytes(chunk);
}

/** The size of what is written, in bytes; text counts one byte a character. */
export function sizeOfFrame(frame: Frame | EncodedChunk): number {
  if (typeof frame === "string") return frame.length;
  if (frame instanceof Uint8Array) return frame.byteLength;
  if ("bytes" in frame) return sizeOfFrame(frame.frame);
  const { data, comment, id, event } = frame;
  return (data?.length ?? 0) + (comment?.length ?? 0) + (id?.length ?? 0) + (event?.length ?? 0);
}

/** JSON has no line breaks, so that most data is one line and needs no split. */
function dataLines(data: string): string {
  if (!data.includes("\n") && !data.includes("\r")) return `data: ${data}\n`;
  return data.split(lineBreak).map((line) => `data: ${line}\n`).join("");
}

/**
 * Refuses values that could end a line early (case B14), and a `retry` that clients would ignore.
 */
function assertFrame({ event, id, comment, retry }: Frame): void {
  if (event !== undefined) assertLine("event", event);
  if (id !== undefined) assertLine("id", id);
  if (comment !== undefined) assertLine("comment", comment);
  if (retry !== undefined && !(Number.isSafeInteger(retry) && retry >= 0)) {
    throw new TypeError(`Cannot encode retry "${retry}": expected whole milliseconds from 0`);
  }
}

function assertLine(field: string, value: string): void {
  if (!lineBreakOrNul.test(value)) return;
  throw new TypeError(
    `Cannot encode ${field} ${JSON.stringify(value)}: line breaks and NUL are forbidden in it`,
  );
}
