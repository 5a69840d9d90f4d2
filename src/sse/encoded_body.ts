/**
 * The web stream of an event stream, for a listener that reads it: a TransformStream that encodes
 * frames. Frames that are bytes already, such as those for many readers, bypass the encoder, but
 * never overtake a frame that was written before them. Not here: the budget (frame_stream.ts) and
 * the format of a frame (encode.ts).
 */
import type { WrittenBody } from "../runtime/runtime.ts";
import { type EncodedChunk, sizeOfFrame, toBytes } from "./encode.ts";

/** The stream, and what writes to it. */
export class EncodedBody {
  readonly readable: ReadableStream<Uint8Array>;
  readonly #bytesMax: number;
  readonly #writer: WritableStreamDefaultWriter<EncodedChunk>;
  /** The readable end; set by `start`, which runs inside the constructor. */
  #output!: TransformStreamDefaultController<Uint8Array>;
  /** Chunks that the encoder has not taken yet, and their size: bytes must not overtake them. */
  #chunks = 0;
  #chunksSize = 0;

  /** Its output has room for the whole budget, so it never waits for the reader. */
  constructor(body: Pick<WrittenBody, "sent" | "left">, bytesMax: number) {
    this.#bytesMax = bytesMax;
    const { readable, writable } = new TransformStream<EncodedChunk, Uint8Array>(
      {
        start: (output) => void (this.#output = output),
        transform: (chunk) => this.#encode(chunk),
      },
      undefined,
      { highWaterMark: bytesMax, size: (bytes) => bytes?.byteLength ?? 0 },
    );
    this.readable = readable;
    this.#writer = writable.getWriter();
    this.#writer.closed.then(() => body.sent(), () => body.left());
  }

  take(chunk: EncodedChunk): void {
    const bytes = chunk instanceof Uint8Array || typeof chunk === "string" ? chunk : chunk.bytes;
    // Spares the promises of a write to the encoder (benchmark: bench/sse_fanout.ts).
    if (bytes instanceof Uint8Array && this.#chunks === 0) return this.#output.enqueue(bytes);
    this.#chunks += 1;
    this.#chunksSize += sizeOfFrame(chunk);
    // A write fails only with the whole stream, and `left` reports that.
    this.#writer.write(chunk).catch(() => {});
  }

  /** Bytes that wait for the reader. */
  queuedBytes(): number {
    return this.#chunksSize + this.#bytesMax - (this.#output.desiredSize ?? 0);
  }

  end(): void {
    this.#writer.close().catch(() => {});
  }

  /** Ends it without waiting for the reader. */
  cut(last: string): void {
    if (this.#chunks === 0 && last !== "") this.#output.enqueue(toBytes(last));
    this.#output.terminate();
  }

  #encode(chunk: EncodedChunk): void {
    this.#chunks -= 1;
    this.#chunksSize -= sizeOfFrame(chunk);
    this.#output.enqueue(toBytes(chunk));
  }
}
