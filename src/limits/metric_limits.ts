/** Limits on metrics and on the audit trail. */

/** The rows. */
export const metricLimits = {
  /**
   * Tools and prompts that have time series of their own: of one server, and of all together. The
   * others of a server share one, so that no server or client makes `/metrics` grow without end.
   */
  metricItemsMax: 100,
  metricItemsTotalMax: 1_000,
  /** A name that is a label: it stands in some twenty lines of each reading. */
  metricNameCharsMax: 256,
  /**
   * How often the lag of the event loop is measured: seldom enough for an idle laptop, and by a timer
   * that is exact (clock.ts).
   */
  loopLagSampleMs: 400,
  /** The audit file before it is rotated, and how many old ones stay: about a million calls. */
  auditBytesMax: 32 * 1024 * 1024,
  auditFilesMax: 10,
  /** Records that wait for the audit file; further ones are lost and counted. */
  auditRecordsMax: 10_000,
  /**
   * How long a record waits for others that are written with it. What a `kill -9` loses is not much
   * more than that.
   */
  auditGatherMs: 50,
  /** A name, URI or reason in an audit record, and the arguments if they are shown. */
  auditTextCharsMax: 1_000,
  auditArgumentsCharsMax: 8_192,
  /** Texts whose form in the audit file is remembered: most calls name what others named before. */
  auditTextsMax: 2_000,
} as const satisfies Record<string, number>;
