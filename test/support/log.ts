/** A log that a test can read. */
import { type Log, type LogFields, type Severity, Shortened } from "../../src/log.ts";

/** One record as it was written. */
export interface TestRecord {
  readonly severity: Severity;
  readonly message: string;
  readonly fields: LogFields;
}

/** Makes a log whose records, of all its sources, are kept in order. */
export function createTestLog(): Log & { readonly records: readonly TestRecord[] } {
  const records: TestRecord[] = [];
  const write = (severity: Severity) => (message: string, fields: LogFields = {}) =>
    void records.push({ severity, message, fields: toShown(fields) });
  const log: Log = {
    debug: write("DEBUG"),
    info: write("INFO"),
    warn: write("WARN"),
    error: write("ERROR"),
    source: () => log,
  };
  return { ...log, records };
}

function toShown(fields: LogFields): LogFields {
  const shown = Object.entries(fields)
    .map(([name, value]) => [name, value instanceof Shortened ? String(value) : value]);
  return Object.fromEntries(shown);
}
