/**
 * One client's event stream: a TransformStream that encodes frames. Frames that are written in one
 * microtask turn leave in one chunk. Frames that are bytes already, such as those for many readers,
 * bypass the encoder, but never overtake a frame that was written before them. A stream that ends
 * before it is read becomes one text. Not here: the format of a frame (encode.ts), heartbeats and
 * resumption (http).
 */
import type { Limits } from "../limits.ts";
import {
  type EncodedFrame,
  encodeText,
  type Frame,
  frameText,
  sharedBytes,
  type SharedFrame,
} from "./encode.ts";

/** How a stream ended. */
export type FrameStreamEnd = "ended" | "cancelled" | "overflow";

/** One client's stream. */
export interface FrameStream {
  /** The body of the response. */
  readonly readable: ReadableStream<Uint8Array>;
  /**
   * The whole body as text if the stream ended before anything was encoded for a reader; it is then
   * over. Otherwise undefined.
   */
  takeWhole(): string | undefined;
  /**
   * Queues a frame. Returns false if the stream is over or its reader has used up the byte budget,
   * which ends it. Throws if the frame has a forbidden field value.
   */
  write(frame: Frame | SharedFrame | EncodedFrame): boolean;
  /** The same, but a stream whose reader has used up its budget goes on. */
  offer(frame: Frame | SharedFrame | EncodedFrame): boolean;
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

type Written = Frame | SharedFrame | EncodedFrame;

/** What the encoder takes: the text of some frames, or a frame that has bytes of its own. */
type Chunk = EncodedFrame | SharedFrame;

/** The encoder and its two ends. */
interface Encoder {
  readonly readable: ReadableStream<Uint8Array>;
  readonly writer: WritableStreamDefaultWriter<Chunk>;
  /** Its readable end, for bytes that need no encoding. */
  readonly output: TransformStreamDefaultController<Uint8Array>;
}

interface StreamState {
  readonly bytesMax: number;
  /** Made when there is a reader, or bytes for one. */
  encoder: Encoder | undefined;
  /** The text of the frames that the encoder gets together in the next microtask. */
  gathered: string;
  gatheredSize: number;
  isFlushDue: boolean;
  /** Chunks that the encoder has not taken yet, and their size: bytes must not overtake them. */
  chunks: number;
  chunksSize: number;
  isOver: boolean;
  hasOverflowed: boolean;
  isClosed: boolean;
  readonly resolve: (end: FrameStreamEnd) => void;
}

/** Opens a stream whose reader may lag by `streamBytesMax` and one frame. */
export function openFrameStream({ streamBytesMax }: Pick<Limits, "streamBytesMax">): FrameStream {
  const { promise, resolve } = Promise.withResolvers<FrameStreamEnd>();
  const state: StreamState = {
    bytesMax: streamBytesMax,
    encoder: undefined,
    gathered: "",
    gatheredSize: 0,
    isFlushDue: false,
    chunks: 0,
    chunksSize: 0,
    isOver: false,
    hasOverflowed: false,
    isClosed: false,
    resolve,
  };
  return {
    get readable() {
      return encoderOf(state).readable;
    },
    takeWhole: () => takeWhole(state),
    write(frame) {
      const isTaken = offer(state, frame);
      if (!isTaken && !state.isOver) overflow(state);
      return isTaken;
    },
    offer: (frame) => offer(state, frame),
    end: () => end(state),
    closed: promise,
    queuedBytes: () => queuedBytes(state),
  };
}

function encoderOf(state: StreamState): Encoder {
  if (state.encoder !== undefined) return state.encoder;
  const encoder = state.encoder = openEncoder(state);
  flush(state);
  if (state.isOver) close(encoder);
  return encoder;
}

/** Makes an encoder. Its output has room for the whole budget, so it never waits for the reader. */
function openEncoder(state: StreamState): Encoder {
  // Set by `start`, which runs inside the constructor.
  let output!: Encoder["output"];
  const { readable, writable } = new TransformStream<Chunk, Uint8Array>(
    {
      start: (given) => {
        output = given;
      },
      transform(chunk) {
        state.chunks -= 1;
        state.chunksSize -= sizeOf(chunk);
        output.enqueue(toBytes(chunk));
      },
    },
    undefined,
    { highWaterMark: state.bytesMax, size: (bytes) => bytes?.byteLength ?? 0 },
  );
  const writer = writable.getWriter();
  writer.closed.then(
    () => finish(state, "ended"),
    () => finish(state, state.hasOverflowed ? "overflow" : "cancelled"),
  );
  return { readable, writer, output };
}

function finish(state: StreamState, how: FrameStreamEnd): void {
  state.isOver = true;
  state.isClosed = true;
  state.gathered = "";
  state.resolve(how);
}

function takeWhole(state: StreamState): string | undefined {
  if (!state.isOver || state.encoder !== undefined) return undefined;
  const whole = state.gathered;
  finish(state, "ended");
  return whole;
}

function offer(state: StreamState, frame: Written): boolean {
  const chunk = toChunk(frame);
  if (state.isOver || queuedBytes(state) >= state.bytesMax) return false;
  if (typeof chunk === "string") gather(state, chunk, sizeOf(frame));
  else queue(state, chunk);
  return true;
}

/** The text of a frame for this stream alone; any other frame stays as it is. */
function toChunk(frame: Written): Chunk {
  const isText = typeof frame === "string" || frame instanceof Uint8Array || "bytes" in frame;
  return isText ? frame : frameText(frame);
}

function gather(state: StreamState, text: string, size: number): void {
  state.gathered += text;
  state.gatheredSize += size;
  // Without an encoder the text waits for one, or is the whole body.
  if (state.isFlushDue || state.encoder === undefined) return;
  state.isFlushDue = true;
  queueMicrotask(() => {
    state.isFlushDue = false;
    flush(state);
  });
}

function flush(state: StreamState): void {
  const { gathered } = state;
  if (gathered === "") return;
  state.gathered = "";
  state.gatheredSize = 0;
  encode(state, gathered);
}

/** Queues a frame that is bytes or shared, after all frames that were written before it. */
function queue(state: StreamState, chunk: Uint8Array | SharedFrame): void {
  const { output } = encoderOf(state);
  flush(state);
  const bytes = chunk instanceof Uint8Array ? chunk : chunk.bytes;
  // Spares the promises of a write to the encoder (benchmark: bench/sse_fanout.ts).
  if (bytes !== undefined && state.chunks === 0) output.enqueue(bytes);
  else encode(state, chunk);
}

function encode(state: StreamState, chunk: Chunk): void {
  state.chunks += 1;
  state.chunksSize += sizeOf(chunk);
  // A write fails only with the whole stream, which `closed` reports.
  encoderOf(state).writer.write(chunk).catch(() => {});
}

/** Ends the stream between two frames, so that the client resumes instead of reporting a fault. */
function overflow(state: StreamState): void {
  state.isOver = true;
  state.hasOverflowed = true;
  const { output } = state.encoder ??= openEncoder(state);
  if (state.chunks === 0 && state.gathered !== "") output.enqueue(encodeText(state.gathered));
  state.gathered = "";
  output.terminate();
}

function end(state: StreamState): void {
  if (state.isOver) return;
  state.isOver = true;
  if (state.encoder === undefined) return;
  flush(state);
  close(state.encoder);
}

function close({ writer }: Encoder): void {
  writer.close().catch(() => {});
}

function queuedBytes({ bytesMax, gatheredSize, chunksSize, encoder, isClosed }: StreamState) {
  if (isClosed) return 0;
  const unread = encoder === undefined ? 0 : bytesMax - (encoder.output.desiredSize ?? 0);
  return gatheredSize + chunksSize + unread;
}

function toBytes(chunk: Chunk): Uint8Array {
  if (chunk instanceof Uint8Array) return chunk;
  return typeof chunk === "string" ? encodeText(chunk) : sharedBytes(chunk);
}

function sizeOf(frame: Written): number {
  if (typeof frame === "string") return frame.length;
  if (frame instanceof Uint8Array) return frame.byteLength;
  if ("bytes" in frame) return sizeOf(frame.frame);
  const { data, comment, id, event } = frame;
  return (data?.length ?? 0) + (comment?.length ?? 0) + (id?.length ?? 0) + (event?.length ?? 0);
}
