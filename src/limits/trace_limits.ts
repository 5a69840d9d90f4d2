/** Limits on the spans that are sent to a collector. */

/** The rows. */
export const traceLimits = {
  /** Spans that wait for the collector; further ones are dropped and counted. */
  spansWaitingMax: 4_096,
  /** Spans of one request, and its characters: collectors take 4 MiB at least. */
  spanBatchMax: 512,
  spanBatchCharsMax: 1024 * 1024,
  /** How long the first span of a batch waits for others. */
  spanBatchMs: 5_000,
  /** One text of a span: a name, a URI, a reason. */
  spanTextCharsMax: 1_024,
  /** How long one request may take if OTEL_EXPORTER_OTLP_TIMEOUT does not say it. */
  spanRequestMs: 10_000,
  /** Attempts for one batch; the first and the longest pause between two. */
  spanAttemptsMax: 5,
  spanRetryMsMin: 1_000,
  spanRetryMsMax: 60_000,
  /** What is read of a collector's answer. */
  spanAnswerBytesMax: 64 * 1024,
  /** How long the last spans may take when the gateway stops. */
  spanFlushMs: 3_000,
  /** Random bytes that are drawn at once, for the ids of many spans. */
  spanIdBytes: 4_096,
} as const satisfies Record<string, number>;
