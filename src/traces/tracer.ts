/**
 * Begins the trace of a call: decides whether its spans are recorded, and chooses their ids. A parent
 * that is not recorded passes as it came. Where the gateway decides otherwise than the parent, the
 * server gets that decision as a flag, with a new span id. Follows "Sampling" of the OpenTelemetry
 * SDK, and W3C Trace Context.
 */
import type { Clock } from "../clock.ts";
import type { SamplerConfig } from "../config/config.ts";
import type { Limits } from "../limits.ts";
import type { CallTrace, Tracer } from "../telemetry/call_trace.ts";
import {
  randomFlag,
  sampledFlag,
  type SpanContext,
  type TraceContext,
  writeTraceparent,
} from "../trace_context.ts";
import { createSpanIds, type SpanIds } from "./span_ids.ts";

/** What a tracer is made from. */
interface TracerOptions {
  readonly sampler: SamplerConfig;
  readonly clock: Clock;
  readonly limits: Pick<Limits, "spanIdBytes">;
}

/** Makes the tracer. */
export function createTracer({ sampler, clock, limits }: TracerOptions): Tracer {
  const ids = createSpanIds(limits.spanIdBytes);
  return {
    begin(given, around, revision) {
      const traceId = given?.traceId ?? ids.traceId();
      const isSampled = samples(sampler, traceId, given);
      if (!isSampled) return pass(given, traceId, ids);
      const flags = (given === undefined ? 0 : given.flags & randomFlag) | sampledFlag;
      const hopId = ids.spanId();
      return {
        traceId,
        passed: contextOf({ traceId, spanId: hopId, flags }, given),
        spans: {
          traceId,
          spanId: ids.spanId(),
          flags,
          parent: given,
          tracestate: given?.tracestate,
          link: around,
          hopId,
          revision,
          startedAt: clock.wall(),
          begunAt: clock.monotonic(),
          hop: undefined,
        },
      };
    },
  };
}

/** Whether the spans of a call are recorded. */
function samples(
  { isParentBased, ratio }: SamplerConfig,
  traceId: string,
  parent: SpanContext | undefined,
): boolean {
  if (isParentBased && parent !== undefined) return (parent.flags & sampledFlag) !== 0;
  // The last digits of a trace id are the random ones: a trace that one service records, all others
  // with the same ratio or a greater one record, too.
  return Number.parseInt(traceId.slice(-randomDigits), 16) >= (1 - ratio) * 16 ** randomDigits;
}

/** Hexadecimal digits that a number holds exactly. */
const randomDigits = 13;

/** The trace of a call that is not recorded. */
function pass(given: TraceContext | undefined, traceId: string, ids: SpanIds): CallTrace {
  if (given !== undefined && (given.flags & sampledFlag) === 0) return { traceId, passed: given };
  // Another flag needs another id (W3C Trace Context, 3.4).
  const flags = given === undefined ? 0 : given.flags & randomFlag;
  return { traceId, passed: contextOf({ traceId, spanId: ids.spanId(), flags }, given) };
}

function contextOf(span: SpanContext, given: TraceContext | undefined): TraceContext {
  return {
    ...span,
    traceparent: writeTraceparent(span),
    tracestate: given?.tracestate,
    baggage: given?.baggage,
  };
}
