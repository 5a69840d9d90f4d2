/**
 * The trace of a call on its way through the gateway: what the server gets of it and, where spans are
 * exported, what is known of the two that the gateway itself makes. The step `trace` begins it, and
 * the event of the call's end carries it. Types only.
 */
import type { SpanContext, TraceContext } from "../trace_context.ts";

/** The trace of one call. */
export interface CallTrace {
  readonly traceId: string;
  /** What the server gets in `_meta`; absent: `_meta` passes as the client wrote it. */
  readonly passed?: TraceContext | undefined;
  /** Absent: no span is exported. */
  readonly spans?: CallSpans | undefined;
}

/** The spans of one call: of its whole way through the gateway, and of its way to a server. */
export interface CallSpans {
  readonly traceId: string;
  /** The id of the whole call's span. */
  readonly spanId: string;
  readonly flags: number;
  /** The client's span; absent: the trace begins here. */
  readonly parent?: SpanContext | undefined;
  readonly tracestate?: string | undefined;
  /** The span that the HTTP request around the call belongs to, if the message names another one. */
  readonly link?: SpanContext | undefined;
  /** The revision of the protocol that the client speaks. */
  readonly revision: string;
  /** The id of the span of the way to the server, which the server gets as its parent. */
  readonly hopId: string;
  /** When the call began, in milliseconds since 1970, and by the monotonic clock. */
  readonly startedAt: number;
  readonly begunAt: number;
  /** Filled when a server gets the call. */
  hop?: CallHop | undefined;
}

/** The way of a call to its server; times are monotonic. */
export interface CallHop {
  /** Absent: each server of the surface got it. */
  readonly server?: HopServer | undefined;
  readonly begunAt: number;
  /** Absent until the server's ending came. */
  endedAt?: number | undefined;
}

/** What a span says of a server; its configuration fits. */
export interface HopServer {
  readonly name: string;
  readonly kind: string;
  readonly url?: string | undefined;
  readonly baseUrl?: string | undefined;
}

/** Begins the traces of calls. */
export interface Tracer {
  /**
   * `given` is the context that the call came with, `around` the one of its HTTP request where that
   * is another, and `revision` the client's.
   */
  begin(
    given: TraceContext | undefined,
    around: TraceContext | undefined,
    revision: string,
  ): CallTrace;
}
