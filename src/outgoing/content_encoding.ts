/**
 * The body of an answer: gzip and deflate undone, the decoded size bounded (case F4). What comes
 * compressed is fed in small pieces, since one step may give a thousand times what went in. Event
 * streams have no bound as a whole; their reader bounds each event.
 */
import type { GatewayError } from "../errors.ts";
import type { Limits } from "../limits.ts";

/** Encodings that we ask for. */
export const encodings = "gzip, deflate";

/** An error that says what is wrong with the answer. */
export type Invalid = (why: string, cause?: unknown) => GatewayError;

/** Whether an answer has no content encoding. */
export function isPlain(headers: Headers): boolean {
  const encoding = encodingOf(headers);
  return encoding === "" || encoding === "identity";
}

function encodingOf(headers: Headers): string {
  return (headers.get("content-encoding") ?? "").trim().toLowerCase().replace(/^x-/, "");
}

/** The decoded body; its faults are those of `body`, or `invalid`. */
export function decodeBody(
  body: ReadableStream<Uint8Array>,
  headers: Headers,
  limits: Pick<Limits, "inflateBytesMax">,
  invalid: Invalid,
): ReadableStream<Uint8Array> {
  if (isPlain(headers)) return body;
  const encoding = encodingOf(headers);
  if (encoding === "gzip" || encoding === "deflate") {
    return inflate(body, encoding, limits.inflateBytesMax, invalid);
  }
  void body.cancel().catch(() => {});
  // The status says what became of the call, even where the body cannot be read.
  return new ReadableStream({
    pull() {
      throw invalid(`it is encoded as "${encoding}", which was not asked for`);
    },
  }, { highWaterMark: 0 });
}

/** The same body, which breaks with `invalid` where it grows too large. */
export function boundBody(
  body: ReadableStream<Uint8Array>,
  bytesMax: number,
  invalid: Invalid,
): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  let bytes = 0;
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await reader.read();
      if (done) return controller.close();
      bytes += value.length;
      if (bytes <= bytesMax) return controller.enqueue(value);
      const error = invalid(`it is larger than ${bytesMax} bytes`);
      void reader.cancel(error).catch(() => {});
      throw error;
    },
    cancel: (reason) => reader.cancel(reason),
  }, { highWaterMark: 0 });
}

/** The part of a reader on which the types of all platforms agree. */
export interface Chunks {
  read(): Promise<{ readonly value?: Uint8Array | undefined }>;
  cancel(reason?: unknown): Promise<void>;
}

function inflate(
  body: ReadableStream<Uint8Array>,
  format: "gzip" | "deflate",
  pieceBytesMax: number,
  invalid: Invalid,
): ReadableStream<Uint8Array> {
  const source = body.getReader();
  let output: Chunks | undefined;
  let fault: unknown;
  const pieces = (first: Uint8Array<ArrayBufferLike>) => {
    let rest = first;
    return new ReadableStream<Uint8Array<ArrayBuffer>>({
      async pull(controller) {
        try {
          while (rest.length === 0) {
            const { done, value } = await source.read();
            if (done) return controller.close();
            rest = value;
          }
          controller.enqueue(new Uint8Array(rest.subarray(0, pieceBytesMax)));
          rest = rest.subarray(pieceBytesMax);
        } catch (thrown) {
          fault = thrown;
          throw thrown;
        }
      },
    }, { highWaterMark: 0 });
  };
  return new ReadableStream({
    async pull(controller) {
      if (output === undefined) {
        // An answer without a body may name an encoding all the same.
        const first = await source.read();
        if (first.done) return controller.close();
        output = pieces(first.value).pipeThrough(new DecompressionStream(format)).getReader();
      }
      try {
        const { value } = await output.read();
        if (value === undefined) controller.close();
        else controller.enqueue(value);
      } catch (thrown) {
        void source.cancel(thrown).catch(() => {});
        throw fault ?? invalid(`it is not valid ${format}`, thrown);
      }
    },
    async cancel(reason) {
      await Promise.allSettled([source.cancel(reason), output?.cancel(reason)]);
    },
  }, { highWaterMark: 0 });
}
