/**
 * Structured log records: one JSON object a line, to the console and to a file, with secrets
 * redacted and control characters escaped. Records queue within a bound; a slow disk never slows a call.
 */

/** How much a record matters, least first. */
export const severities = ["DEBUG", "INFO", "WARN", "ERROR"] as const;

/** One severity. */
export type Severity = (typeof severities)[number];

/** Members of a record beside its message; values are shown as JSON. */
export type LogFields = Readonly<Record<string, unknown>>;

/** Writes records under the name of one source. */
export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** The same log under another source, such as `upstream.files`. */
  source(name: string): Log;
}
