/**
 * Reads and discards the rest of a refused request's body, within bounds of size and time. If a
 * response is sent before the body has been read, the listener closes the connection, and a client
 * that is still writing sees a broken connection instead of the response. Memory use stays
 * constant.
 */
import { type Clock, withDeadline } from "../clock.ts";
import type { Limits } from "../limits.ts";

/** What throwing a body away needs. */
export interface DiscardDeps {
  readonly limits: Limits;
  readonly clock: Clock;
}

/** Reads a stream for the number of its bytes alone. */
interface ByteCounter {
  /** The size of the next chunk; undefined at the end. */
  next(): Promise<number | undefined>;
  cancel(): Promise<void>;
}

/**
 * Reads the rest of a body; gives up on one that is announced too large, is too long or too slow.
 */
export async function discardBody(
  { body, headers }: Request,
  { limits, clock }: DiscardDeps,
): Promise<void> {
  const bytesMax = limits.bodyBytesMax + limits.listenerBodyBytesMax;
  const isHopeless = Number(headers.get("content-length") ?? 0) > bytesMax;
  if (body === null || body.locked || isHopeless) return;
  const counter = countBytes(body, limits.discardChunkBytes);
  const endsAt = clock.monotonic() + limits.bodyMs;
  try {
    for (let size = 0; size <= bytesMax;) {
      const waitMs = Math.min(limits.bodyQuietMs, endsAt - clock.monotonic());
      const bytes = await withDeadline(clock, waitMs, counter.next(), () => undefined);
      if (bytes === undefined) break;
      size += bytes;
    }
  } catch {
    // The client left before its answer.
  } finally {
    counter.cancel().catch(() => {});
  }
}

/**
 * Frees a chunk at once. The collector sees only the small handle of its memory, and would let
 * hundreds pile up. A chunk that shares its memory with others is left to the collector.
 */
export function release({ buffer, byteLength }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0);
}

/**
 * A byte stream fills the same memory again and again; any other stream brings memory of its own.
 */
function countBytes(body: ReadableStream<Uint8Array>, chunkBytes: number): ByteCounter {
  const reader = openByteReader(body);
  if (reader === undefined) {
    const plain = body.getReader();
    return {
      async next() {
        const { done, value } = await plain.read();
        if (done) return undefined;
        const { byteLength } = value;
        release(value);
        return byteLength;
      },
      cancel: () => plain.cancel(),
    };
  }
  let memory = new ArrayBuffer(chunkBytes);
  return {
    async next() {
      const { done, value } = await reader.read(new Uint8Array(memory));
      if (done) return undefined;
      memory = value.buffer;
      return value.byteLength;
    },
    cancel: () => reader.cancel(),
  };
}

/** Opens a reader that fills the caller's memory; undefined where the stream has none. */
export function openByteReader(
  body: ReadableStream<Uint8Array>,
): ReadableStreamBYOBReader | undefined {
  try {
    return body.getReader({ mode: "byob" });
  } catch {
    return undefined;
  }
}
