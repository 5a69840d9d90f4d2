/**
 * The bytes of a request body in one buffer. The buffer grows with the bytes that arrive, never
 * with the length that a client announces. A byte stream writes into it directly. Chunks of any
 * other stream are copied and released, since a one-byte chunk may be a view of a large buffer.
 */
import { openByteReader, release } from "./discard.ts";

/** A body while it arrives. */
export interface BodyBytes {
  /** Reads on; the number of bytes that came, undefined at the end. */
  next(): Promise<number | undefined>;
  size(): number;
  /** What has arrived, at the end. */
  take(): Uint8Array;
  /** Frees what has arrived; the rest of the stream is left to other readers. */
  drop(): void;
  /** Gives the rest up while a read may be pending. */
  cancel(): void;
}

/**
 * Begins to read. Memory starts at `bytesMin` and doubles up to `bytesMax`, the longest body there
 * can be.
 */
export function readBytes(
  body: ReadableStream<Uint8Array>,
  bytesMin: number,
  bytesMax: number,
): BodyBytes {
  let memory = new ArrayBuffer(0);
  let size = 0;
  const reserve = (needed: number): void => {
    if (needed <= memory.byteLength) return;
    // One byte more than the longest body: its end is then seen without more memory.
    const doubled = Math.min(2 * memory.byteLength, bytesMax + 1);
    memory = memory.transfer(Math.max(needed, doubled, Math.min(bytesMin, bytesMax + 1)));
  };
  const byteReader = openByteReader(body);
  const reader = byteReader ?? body.getReader();

  const fill = async (from: ReadableStreamBYOBReader): Promise<number | undefined> => {
    reserve(size + 1);
    const { done, value } = await from.read(new Uint8Array(memory, size));
    if (value !== undefined) memory = value.buffer;
    return done ? undefined : value.byteLength;
  };
  const copy = async (from: ReadableStreamDefaultReader<Uint8Array>) => {
    const { done, value } = await from.read();
    if (done) return undefined;
    const { byteLength } = value;
    reserve(size + byteLength);
    new Uint8Array(memory).set(value, size);
    release(value);
    return byteLength;
  };

  return {
    async next() {
      const bytes = byteReader === undefined
        ? await copy(reader as ReadableStreamDefaultReader<Uint8Array>)
        : await fill(byteReader);
      size += bytes ?? 0;
      return bytes;
    },
    size: () => size,
    take: () => new Uint8Array(memory, 0, size),
    drop() {
      reader.releaseLock();
      memory = new ArrayBuffer(0);
    },
    cancel: () => void reader.cancel().catch(() => {}),
  };
}
