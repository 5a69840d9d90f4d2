/**
 * Structured log records: one JSON object a line in a file and one readable line on the console,
 * both with secrets redacted and control characters escaped (cases H1, H3, H4). Records for the
 * file wait in a bounded queue, so that a slow disk never slows a call; dropped records are counted
 * and reported. Logging never throws. `log_redact.ts` does the redaction.
 */
import { type Clock, withDeadline } from "./clock.ts";
import type { Limits } from "./limits.ts";
import { createRedactor, escapeControls, type Redactor } from "./log_redact.ts";
import type { LogFile } from "./runtime/runtime.ts";

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
  readonly file?: LogFile;
  readonly clock: Clock;
  readonly limits: Limits;
  readonly secrets: readonly string[];
}

/** A record before it becomes text. */
type LogRecord = Readonly<Record<string, unknown>>;

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
  const queue = options.file === undefined ? undefined : createQueue(options.file, options);
  const threshold = severities.indexOf(options.level);

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
        const line = escapeControls(JSON.stringify(record));
        queue?.push(line);
        for (const read of readers) read(line);
      }
      options.console(toReadable(record));
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
  return {
    ...at("gateway"),
    addSecrets: redactor.add,
    addPassingSecrets: redactor.addPassing,
    hide: (text) =>
      escapeControls(String(redactor.toPlain("", text, { chars: limits.logCharsMax }) ?? "")),
    toPlain: (value, chars) => redactor.toPlain("", value, { chars }),
    read(reader) {
      readers.add(reader);
      return () => void readers.delete(reader);
    },
    async close() {
      gate.close();
      await queue?.close();
    },
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

/** A record as one readable line. */
export function toReadable(record: LogRecord): string {
  const { time, level, source, message, ...fields } = record;
  const parts = [time, String(level).padEnd(5), source, message];
  for (const [name, value] of Object.entries(fields)) {
    const bare = typeof value === "string" && /^[^\s"=]+$/.test(value);
    parts.push(`${name}=${bare ? value : JSON.stringify(value)}`);
  }
  return escapeControls(parts.join(" "));
}

/** The records that wait for the file. */
interface Queue {
  push(line: string): void;
  close(): Promise<void>;
}

function createQueue(file: LogFile, { clock, limits }: LogOptions): Queue {
  const waiting: string[] = [];
  let dropped = 0;
  let closed = false;
  let writing: Promise<void> | undefined;

  const drain = async () => {
    for (let line = waiting.shift(); line !== undefined; line = waiting.shift()) {
      await file.append(line).catch(() => {});
      // Reported as soon as there is room, in the place of the missing records.
      if (dropped === 0) continue;
      waiting.push(toDroppedLine(clock, dropped));
      dropped = 0;
    }
    writing = undefined;
  };
  return {
    push(line) {
      if (closed) return;
      if (waiting.length >= limits.logRecordsMax) {
        dropped += 1;
        return;
      }
      waiting.push(line);
      writing ??= drain();
    },
    async close() {
      if (closed) return;
      closed = true;
      const flushed = (async () => {
        await writing;
        await file.close();
      })().catch(() => {});
      await withDeadline(clock, limits.stopMs, flushed, () => {});
    },
  };
}

function toDroppedLine(clock: Clock, dropped: number): string {
  return JSON.stringify({
    time: new Date(clock.wall()).toISOString(),
    level: "WARN",
    source: "log",
    message: `Dropped ${dropped} records: the log file could not keep up`,
    dropped,
  });
}
