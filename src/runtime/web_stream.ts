/**
 * A stream of Node as a web stream of plain bytes, with backpressure: the body of a request to the
 * hardened listener, and what a child of the Node runtime writes.
 */
import type { Readable } from "node:stream";

/** How a stream ends otherwise than by its end. */
export interface WebStreamEnds {
  /** Its reader gets this error if the stream closes before its end. */
  readonly cut: () => Error;
  /** The reader wants no more. */
  readonly cancelled: (source: Readable) => void;
}

/** The bytes as they arrive. */
export function toWebStream(source: Readable, ends: WebStreamEnds): ReadableStream<Uint8Array> {
  let over = false;
  return new ReadableStream<Uint8Array>({
    start(controller) {
      source.pause();
      source.on("data", (chunk: Uint8Array) => {
        if (over) return;
        // Node's own class of bytes differs from the standard one, in `slice` for instance.
        controller.enqueue(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength));
        if ((controller.desiredSize ?? 0) <= 0) source.pause();
      });
      source.on("end", () => {
        if (!over) controller.close();
        over = true;
      });
      const cut = () => {
        if (!over) controller.error(ends.cut());
        over = true;
      };
      source.on("error", cut);
      source.on("close", cut);
    },
    pull() {
      source.resume();
    },
    cancel() {
      over = true;
      ends.cancelled(source);
    },
  });
}
