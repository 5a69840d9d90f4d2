/**
 * Traces of calls, for a collector that takes OTLP over HTTP: the spans are made from the events of
 * ended calls. This folder is loaded only where a collector is configured.
 */
import type { Clock } from "../clock.ts";
import type { TracesConfig } from "../config/config.ts";
import type { Limits } from "../limits.ts";
import type { LogSink } from "../log.ts";
import { toPublicUrl } from "../outgoing/failure.ts";
import type { Runtime } from "../runtime/runtime.ts";
import type { Tracer } from "../telemetry/call_trace.ts";
import type { Events } from "../telemetry/events.ts";
import { identity } from "../version.ts";
import { spansOf } from "./call_spans.ts";
import { createOtlpWriter } from "./otlp_json.ts";
import { createOtlpSender } from "./otlp_sender.ts";
import { createSpanQueue } from "./span_queue.ts";
import { createTracer } from "./tracer.ts";

/** The traces of a gateway. */
export interface Traces {
  /** Begins the traces of its calls. */
  readonly tracer: Tracer;
  /** Sends the last spans, within the limit for that. */
  close(): Promise<void>;
}

/** What traces are made from. */
export interface TracesOptions {
  readonly traces: TracesConfig;
  readonly runtime: Pick<Runtime, "request" | "name">;
  readonly clock: Clock;
  readonly limits: Limits;
  readonly events: Events;
  readonly log: LogSink;
  /** The name of this instance among others. */
  readonly instance: string;
}

/** Begins to send the spans of calls. */
export function createTraces(options: TracesOptions): Traces {
  const { traces, runtime, clock, limits, events, instance } = options;
  const log = options.log.source("traces");
  const { sampler } = traces;
  const place = toPublicUrl(traces.url);
  const queue = createSpanQueue({
    send: createOtlpSender({ traces, runtime, clock, limits }),
    writer: createOtlpWriter({
      resource: {
        "service.name": identity.name,
        "service.version": identity.version,
        "service.instance.id": instance,
        "process.runtime.name": runtime.name,
        ...traces.resource,
      },
      scope: identity,
      hide: options.log.hide,
      textCharsMax: limits.spanTextCharsMax,
    }),
    clock,
    limits,
    emit: events.emit,
    log,
    place,
  });
  const stop = events.read<"call_ended">((event) => {
    const spans = spansOf(event, clock.monotonic(), limits.clientTitleCharsMax);
    for (const span of spans) queue.add(span);
  }, ["call_ended"]);
  log.info(`Sends spans of calls to ${place}`, { ...sampler });
  return {
    tracer: createTracer({ sampler, clock, limits }),
    async close() {
      stop();
      await queue.close();
    },
  };
}
