/**
 * The trace that a call belongs to, in the forms of W3C Trace Context and W3C Baggage. The same three
 * texts travel in the `_meta` of a request (SEP-414) and in the headers of HTTP. Not here: spans of
 * the gateway's own (traces/).
 */
import { isJsonObject } from "./json.ts";
import { clientLimits } from "./limits/client_limits.ts";

type Members = { [key: string]: unknown };

/** One span, by which its children name it. */
export interface SpanContext {
  /** 32 hexadecimal digits in lower case, not all 0. */
  readonly traceId: string;
  /** 16 of them. */
  readonly spanId: string;
  /** The bits of `trace-flags`. */
  readonly flags: number;
}

/** A valid `traceparent`, with what belongs to it. */
export interface TraceContext extends SpanContext {
  readonly traceparent: string;
  readonly tracestate?: string | undefined;
  readonly baggage?: string | undefined;
}

/** The flag of a trace that its caller records (W3C Trace Context, 3.2.2.3). */
export const sampledFlag = 1;
/** The flag of a trace whose id is random (W3C Trace Context Level 2). */
export const randomFlag = 2;

/** A version, a trace id, a parent id and flags (W3C Trace Context, 3.2). */
const form =
  /^(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const charsOf00 = 55;

/** Reads a `traceparent`; undefined if it is not valid. Later versions may have more at their end. */
export function parseTraceparent(text: string): SpanContext | undefined {
  const [, version, traceId = "", spanId = "", flags = "", rest] = form.exec(text) ?? [];
  if (version === undefined || (version === "00" && rest !== undefined)) return undefined;
  return { traceId, spanId, flags: Number.parseInt(flags, 16) };
}

/** Writes the `traceparent` of a span. */
export function writeTraceparent({ traceId, spanId, flags }: SpanContext): string {
  return `00-${traceId}-${spanId}-${flags.toString(16).padStart(2, "0")}`;
}

/** The context in the `_meta` of a message; undefined if there is no valid one. */
export function traceInMeta(meta: unknown): TraceContext | undefined {
  if (!isJsonObject(meta)) return undefined;
  return toTrace(meta["traceparent"], (name) => meta[name]);
}

/** The context in the headers of a request; undefined if there is no valid one. */
export function traceInHeaders(headers: Headers): TraceContext | undefined {
  const traceparent = headers.get("traceparent");
  // Most clients send none.
  if (traceparent === null) return undefined;
  return toTrace(traceparent, (name) => headers.get(name));
}

function toTrace(
  traceparent: unknown,
  get: (name: "tracestate" | "baggage") => unknown,
): TraceContext | undefined {
  if (typeof traceparent !== "string") return undefined;
  const span = parseTraceparent(traceparent);
  return span && {
    ...span,
    // What a later version adds is not known here.
    traceparent: traceparent.length === charsOf00 ? traceparent : writeTraceparent(span),
    tracestate: sound(get("tracestate"), clientLimits.tracestateCharsMax),
    baggage: sound(get("baggage"), clientLimits.baggageCharsMax),
  };
}

/** A text that a header can carry, within its limit; it says nothing without its neighbour. */
function sound(text: unknown, charsMax: number): string | undefined {
  if (typeof text !== "string" || text === "" || text.length > charsMax) return undefined;
  return /^[\x20-\x7e]+$/.test(text) ? text : undefined;
}

/**
 * The same params with a context in their `_meta`. A `tracestate` of another context gives way;
 * baggage that is there stays, because it belongs to no span.
 */
export function withTrace(params: Members, trace: TraceContext | undefined): Members {
  if (trace === undefined) return params;
  const { tracestate: _, ...others } = isJsonObject(params["_meta"]) ? params["_meta"] : {};
  const { traceparent, tracestate, baggage } = trace;
  return {
    ...params,
    _meta: {
      ...(baggage === undefined ? {} : { baggage }),
      ...others,
      traceparent,
      ...(tracestate === undefined ? {} : { tracestate }),
    },
  };
}

/** The headers of an HTTP request that carries a message with these params. */
export function traceHeaders(params: Members | undefined): Record<string, string> {
  const trace = traceInMeta(params?.["_meta"]);
  if (trace === undefined) return {};
  const { traceparent, tracestate, baggage } = trace;
  return {
    traceparent,
    ...(tracestate === undefined ? {} : { tracestate }),
    ...(baggage === undefined ? {} : { baggage }),
  };
}
