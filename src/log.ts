/**
 * Structured log records: one JSON object a line in a file and one readable line on the console,
 * both with secrets redacted and control characters escaped (cases H1, H3, H4). Records for the
 * file wait in a bounded queue (line_queue.ts), so that a slow disk never slows a call; lost records
 * are counted and reported. Logging never throws. `log_redact.ts` does the redaction.
 */
import { putWithin } from "./bounded.ts";
import type { Clock } from "./clock.ts";
import { quoteJson } from "./excerpt.ts";
import type { Limits } from "./limits.ts";
import { createLineQueue, type LineQueue } from "./line_queue.ts";
import { type LogRecord, toLine } from "./log_line.ts";
import { createRedactor, type Redactor } from "./log_redact.ts";
import type { LogFile } from "./runtime/runtime.ts";
import { escapeUnseen } from "./unseen_characters.ts";

export { Shortened } from "./log_redact.ts";

/** How much a record matters, least first. */
export const severities = ["DEBUG", "INFO", "WARN", "ERROR"] as const;

/** One severity. */
export type Severity = (typeof severities)[number];

/** Members of a record next to its message; values appear as JSON. */
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

/** The log of a process: it learns of secrets, and closes last. */
export interface LogSink extends Log {
  /** Adds values to hide from now on; earlier ones stay hidden. */
  addSecrets(values: readonly string[]): void;
  /** The same for values that change, such as tokens: the last used ones are hidden. */
  addPassingSecrets(values: readonly string[]): void;
  /** A text as the log would show it. */
  hide(text: string): string;
  /** A value as the log would show it, within so many characters. */
  toPlain(value: unknown, charsMax: number): unknown;
  /**
   * Calls `reader` with each record from now on, as the line of JSON that the file gets, until the
   * returned function is called. A reader must not log.
   */
  read(reader: (line: string) => void): () => void;
  /**
   * A text as a JSON string, as the file would have it in about `charsMax` characters: for texts that
   * come again and again, of which it remembers the last `textsMax`.
   */
  jsonTexts(charsMax: number, textsMax: number): (text: string) => string;
  /** A number that changes whenever another secret is hidden. */
  secretsKnown(): number;
  /**
   * A value as JSON, as the file would have it. If that is longer than `charsMax`, it is a string: the
   * beginning of the text.
   */
  toJson(value: unknown, charsMax: number): string;
  /** The records that wait for the file, and those that were lost so far. */
  counts(): ReturnType<LineQueue<string>["counts"]>;
  /** A text without its secrets, whole and otherwise as it is. */
  redact(text: string): string;
  /**
   * Writes the waiting records to the file, within the limits' stop time; the console continues.
   */
  close(): Promise<void>;
}

/** What a log is made from. */
export interface LogOptions {
  /** The least severity that is written. */
  readonly level: Severity;
  /** Takes one readable line; whether it goes to stdout or stderr is the caller's choice. */
  readonly console: (line: string) => void;
  /** How a record becomes that line. Absent: with its whole time, and without colours. */
  readonly format?: ((record: LogRecord) => string) | undefined;
  readonly file?: LogFile;
  readonly clock: Clock;
  readonly limits: Limits;
  readonly secrets: readonly string[];
}

/** Members of every record; a field of the same name gets a `_` after its name. */
const ownMembers: ReadonlySet<string> = new Set(["time", "level", "source", "message"]);

const unwritten = (): void => {};

/** Makes the log of a process. */
export function createLog(options: LogOptions): LogSink {
  const { clock, limits } = options;
  const redactor = createRedactor(
    options.level === "DEBUG",
    options.secrets,
    limits.passingSecretsMax,
  );
  const queue = options.file === undefined ? undefined : queueOf(options.file, options);
  const threshold = severities.indexOf(options.level);
  const { format = toLine } = options;

  const gate = createRepeatGate(options);
  const readers = new Set<(line: string) => void>();

  const write = (level: Severity, source: string, message: string, fields: LogFields = {}) => {
    if (severities.indexOf(level) < threshold) return;
    const tell = (words: string, notLogged: number) => put(level, source, words, { notLogged });
    if (gate.admits(`${level} ${source} ${message}`, message, tell)) {
      put(level, source, message, fields);
    }
  };
  const put = (level: Severity, source: string, message: string, fields: LogFields) => {
    try {
      const time = new Date(clock.wall()).toISOString();
      const record = toRecord(redactor, limits, { time, level, source }, message, fields);
      if (queue !== undefined || readers.size > 0) {
        const line = escapeUnseen(JSON.stringify(record));
        queue?.push(line);
        for (const read of readers) read(line);
      }
      options.console(format(record));
    } catch {
      // A value that cannot be shown, or a missing console, must not break the caller.
    }
  };
  // Every call logs a debug line, which most gateways do not write.
  const writesDebug = threshold <= severities.indexOf("DEBUG");
  const at = (source: string): Log => ({
    debug: writesDebug ? (message, fields) => write("DEBUG", source, message, fields) : unwritten,
    info: (message, fields) => write("INFO", source, message, fields),
    warn: (message, fields) => write("WARN", source, message, fields),
    error: (message, fields) => write("ERROR", source, message, fields),
    source: at,
  });
  const hide = (text: string): string =>
    escapeUnseen(String(redactor.toPlain("", text, { chars: limits.logCharsMax }) ?? ""));
  return {
    ...at("gateway"),
    addSecrets: redactor.add,
    addPassingSecrets: redactor.addPassing,
    hide,
    toPlain: (value, chars) => redactor.toPlain("", value, { chars }),
    read(reader) {
      readers.add(reader);
      return () => void readers.delete(reader);
    },
    jsonTexts: (charsMax, textsMax) => jsonTexts(redactor, charsMax, textsMax),
    secretsKnown: redactor.secretsKnown,
    toJson(value, charsMax) {
      const text = quoteJson(redactor.toPlain("", value, { chars: charsMax }), charsMax);
      return escapeUnseen(text.endsWith("…") ? JSON.stringify(text) : text);
    },
    counts: () => queue?.counts() ?? { waiting: 0, lost: 0 },
    redact: (text) => String(redactor.toPlain("", text, { chars: Infinity })),
    async close() {
      gate.close();
      await queue?.close();
    },
  };
}

/** Remembers its last results until another secret is known. */
function jsonTexts(
  redactor: Redactor,
  charsMax: number,
  textsMax: number,
): (text: string) => string {
  const known = new Map<string, string>();
  let secretsKnown = redactor.secretsKnown();
  const write = (text: string): string =>
    escapeUnseen(JSON.stringify(redactor.toPlain("", text, { chars: charsMax })));
  return (text) => {
    if (text.length > charsMax) return write(text);
    if (secretsKnown !== redactor.secretsKnown()) {
      known.clear();
      secretsKnown = redactor.secretsKnown();
    }
    let written = known.get(text);
    if (written === undefined) putWithin(known, text, written = write(text), textsMax);
    return written;
  };
}

/**
 * Lets a message through a few times in a while, because clients can cause some of them at will.
 */
interface RepeatGate {
  /** `tell` writes the number of messages held back, at the end of the while. */
  admits(key: string, message: string, tell: (words: string, notLogged: number) => void): boolean;
  /** Writes the number of messages held back until now. */
  close(): void;
}

function createRepeatGate({ level, clock, limits }: LogOptions): RepeatGate {
  const { logRepeatsMax, logRepeatsMs, logMessagesMax } = limits;
  const known = new Map<string, { endsAt: number; count: number }>();
  const waiting = new Set<() => void>();
  return {
    admits(key, message, tell) {
      // At the lowest level every message passes.
      if (level === "DEBUG") return true;
      const now = clock.monotonic();
      const last = known.get(key);
      const seen = last !== undefined && now < last.endsAt
        ? last
        : { endsAt: now + logRepeatsMs, count: 0 };
      known.delete(key);
      known.set(key, seen);
      for (const oldest of known.keys()) {
        if (known.size <= logMessagesMax) break;
        known.delete(oldest);
      }
      seen.count += 1;
      if (seen.count === logRepeatsMax + 1) {
        const finish = (): void => {
          cancel();
          waiting.delete(finish);
          const more = seen.count - logRepeatsMax;
          tell(`${message}: ${more} more were not logged`, more);
        };
        const cancel = clock.after(seen.endsAt - now, finish);
        waiting.add(finish);
      }
      return seen.count <= logRepeatsMax;
    },
    close() {
      for (const finish of [...waiting]) finish();
    },
  };
}

function toRecord(
  redactor: Redactor,
  limits: Limits,
  head: { time: string; level: Severity; source: string },
  message: string,
  fields: LogFields,
): LogRecord {
  const budget = { chars: limits.logCharsMax };
  const record: Record<string, unknown> = {
    ...head,
    message: redactor.toPlain("", message, budget),
  };
  const plain = redactor.toPlain("", fields, budget);
  for (const [name, value] of Object.entries(plain ?? {})) {
    if (value !== undefined) record[ownMembers.has(name) ? `${name}_` : name] = value;
  }
  return record;
}

/** The queue of the records that wait for the file. */
function queueOf(file: LogFile, { clock, limits }: LogOptions): LineQueue<string> {
  const { logRecordsMax: linesMax, lineBatchCharsMax: batchCharsMax, stopMs } = limits;
  const bounds = { linesMax, batchCharsMax, gatherMs: 0, stopMs };
  const toLost = (lost: number) => toDroppedLine(clock, lost);
  return createLineQueue({ file, clock, ...bounds, toLine: (line) => line, toLost });
}

function toDroppedLine(clock: Clock, dropped: number): string {
  return JSON.stringify({
    time: new Date(clock.wall()).toISOString(),
    level: "WARN",
    source: "log",
    message: `Dropped ${dropped} records: the log file could not be written in time`,
    dropped,
  });
}
