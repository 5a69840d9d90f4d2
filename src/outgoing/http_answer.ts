/** An answer as the rest of the gateway gets it: decoded, bounded, its faults in our words. */
import type { Clock } from "../clock.ts";
import type { GatewayError } from "../errors.ts";
import type { Limits } from "../limits.ts";
import { boundBody, type Chunks, decodeBody, type Invalid, isPlain } from "./content_encoding.ts";
import type { Deadline } from "./deadline.ts";
import type { Failures } from "./failure.ts";
import { readRetryAfter } from "./retry.ts";
import type { Sent } from "./sender.ts";
import { decodeText } from "./decode_text.ts";

/** An answer, of any status. Its body is read to the end or cancelled: it holds a connection. */
export interface HttpAnswer {
  readonly status: number;
  /** Where it came from, after all redirects. */
  readonly url: string;
  readonly headers: Headers;
  /** It was asked for without the credentials that could not be had. */
  readonly isDegraded: boolean;
  /** An earlier attempt of the same call may have reached the server. */
  readonly isRepeated: boolean;
  /** Decoded; breaks with a GatewayError. Bounded as a whole, unless it is an event stream. */
  readonly body: ReadableStream<Uint8Array>;
  /** The whole body, bounded, by its charset; rejects with a GatewayError. */
  text(): Promise<string>;
  /**
   * This answer as a failure: `why` goes on after the server's name ("refuses the credentials"). It
   * carries the status and how long the server asks to wait. Ends the body.
   */
  toError(why: string, code?: "upstream_unavailable" | "bad_upstream_response"): GatewayError;
}

/** Wraps what the platform gave; a body that cannot be decoded breaks when it is read. */
export function toAnswer(
  { response, url }: Sent,
  { deadline, failures, limits, clock, isDegraded, isRepeated }: {
    readonly deadline: Deadline;
    readonly failures: Failures;
    readonly limits: Limits;
    readonly clock: Clock;
    readonly isDegraded: boolean;
    readonly isRepeated: boolean;
  },
): HttpAnswer {
  const { status, headers } = response;
  const invalid = (why: string, cause?: unknown) =>
    failures.create("bad_upstream_response", `gave an answer that cannot be read: ${why}`, {
      data: { status, outcome: "unknown" },
      cause,
    });
  const source: Chunks = response.body.getReader();
  let decoded: ReadableStream<Uint8Array> | undefined;
  const toDecoded = () => decoded ??= decodeBody(watch(source, deadline), headers, limits, invalid);
  const bounded = () => boundBody(toDecoded(), limits.responseBytesMax, invalid);
  let body: ReadableStream<Uint8Array> | undefined;
  const toBody = () => body ??= isEventStream(headers) ? toDecoded() : bounded();
  return {
    status,
    url,
    headers,
    isDegraded,
    isRepeated,
    get body() {
      return toBody();
    },
    text: async () => {
      if (body === undefined && isPlain(headers)) {
        const whole = await readWhole(source, deadline, limits.responseBytesMax, invalid);
        return decodeText(whole, headers);
      }
      const bytes = await new Response(body === decoded ? bounded() : toBody()).arrayBuffer();
      return decodeText(new Uint8Array(bytes), headers);
    },
    toError(why, code = "upstream_unavailable") {
      void toBody().cancel().catch(() => {});
      const asked = readRetryAfter(headers, clock);
      const wait = asked === undefined
        ? {}
        : { retryAfterMs: Math.min(asked, limits.retryAfterMsMax) };
      return failures.create(code, why, { data: { status, ...wait } });
    },
  };
}

function isEventStream(headers: Headers): boolean {
  return /^\s*text\/event-stream\s*(?:;|$)/i.test(headers.get("content-type") ?? "");
}

/** Reads a whole body that is not encoded, which spares it the streams of the decoders. */
async function readWhole(
  source: Chunks,
  deadline: Deadline,
  bytesMax: number,
  invalid: Invalid,
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  try {
    for (;;) {
      const { value } = await source.read();
      if (value === undefined) break;
      bytes += value.length;
      if (bytes > bytesMax) {
        const error = invalid(`it is larger than ${bytesMax} bytes`);
        void source.cancel(error).catch(() => {});
        throw error;
      }
      chunks.push(value);
    }
  } catch (thrown) {
    throw deadline.explain(thrown);
  } finally {
    deadline.end();
  }
  const [only] = chunks;
  if (chunks.length === 1 && only !== undefined) return only;
  const whole = new Uint8Array(bytes);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}

/** The same body as a stream; its end stops the deadline, which also explains its faults. */
function watch(reader: Chunks, deadline: Deadline): ReadableStream<Uint8Array> {
  return new ReadableStream({
    async pull(controller) {
      try {
        const { value } = await reader.read();
        if (value !== undefined) return controller.enqueue(value);
        deadline.end();
        controller.close();
      } catch (thrown) {
        deadline.end();
        throw deadline.explain(thrown);
      }
    },
    async cancel(reason) {
      deadline.end();
      await reader.cancel(reason);
    },
  }, { highWaterMark: 0 });
}
