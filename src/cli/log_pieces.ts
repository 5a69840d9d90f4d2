/**
 * Reads the log files of a gateway: the last records across rotated files, and then each new one.
 * A log that is rotated meanwhile loses nothing: the rest of the old file is read first.
 */
import { isJsonObject } from "../json.ts";
import { defaultLimits } from "../limits.ts";
import type { System } from "../runtime/system.ts";

/** One record of the log; undefined for a line that is none. */
export interface LogLine {
  readonly text: string;
  readonly record: Readonly<Record<string, unknown>> | undefined;
}

/** Where reading stands. */
interface Position {
  /** Which file it is, whatever its name becomes; undefined: there was none. */
  readonly id: string | undefined;
  readonly offset: number;
}

type Files = Pick<System, "describe" | "readPart">;

/** The log files that a gateway writes: the newest, and how many older ones there may be. */
const olderFilesMax = Math.max(defaultLimits.logFilesMax, defaultLimits.auditFilesMax);
const olderPath = (path: string, age: number): string => age === 0 ? path : `${path}.${age}`;

/** The last lines that match, oldest first, and where they end. */
export async function readLastLines(
  system: Files,
  path: string,
  matches: (line: LogLine) => boolean,
  linesMax: number,
): Promise<{ readonly lines: LogLine[]; readonly end: LogEnd }> {
  let lines: LogLine[] = [];
  const end = new LogEnd(system, path);
  for (let age = 0; age <= olderFilesMax && lines.length < linesMax; age += 1) {
    const reader = age === 0 ? end : new LogEnd(system, olderPath(path, age));
    const found: LogLine[] = [];
    for await (const line of reader.more()) {
      if (!matches(line)) continue;
      found.push(line);
      if (found.length > 2 * linesMax) found.splice(0, found.length - linesMax);
    }
    lines = [...found, ...lines].slice(-linesMax);
  }
  return { lines, end };
}

/** The end of a log up to which it was read. */
export class LogEnd {
  readonly #system: Files;
  readonly #path: string;
  #at: Position = { id: undefined, offset: 0 };
  /** The start of a line whose end is not written yet. */
  #rest: Uint8Array[] = [];

  constructor(system: Files, path: string) {
    this.#system = system;
    this.#path = path;
  }

  /** The lines since the last call. */
  async *more(): AsyncGenerator<LogLine, undefined> {
    const facts = this.#system.describe(this.#path);
    const { id, offset } = this.#at;
    if (id !== undefined && facts?.id !== id) {
      const older = this.#system.describe(olderPath(this.#path, 1));
      if (older?.id === id) yield* this.#read(olderPath(this.#path, 1), older.bytes);
      this.#rest = [];
      this.#at = { id: undefined, offset: 0 };
    } else if (facts !== undefined && facts.bytes < offset) {
      this.#rest = [];
      this.#at = { id, offset: 0 };
    }
    if (facts === undefined) return undefined;
    this.#at = { ...this.#at, id: facts.id };
    yield* this.#read(this.#path, facts.bytes);
    return undefined;
  }

  async *#read(path: string, end: number): AsyncGenerator<LogLine> {
    while (this.#at.offset < end) {
      const wanted = Math.min(end - this.#at.offset, defaultLimits.logPieceBytes);
      const bytes = await this.#system.readPart(path, this.#at.offset, wanted);
      if (bytes === undefined || bytes.length === 0) return;
      this.#at = { ...this.#at, offset: this.#at.offset + bytes.length };
      yield* this.#split(bytes);
    }
  }

  *#split(bytes: Uint8Array): Generator<LogLine> {
    let start = 0;
    for (let at = bytes.indexOf(lineFeed); at >= 0; at = bytes.indexOf(lineFeed, start)) {
      const text = decode([...this.#rest, bytes.subarray(start, at)]);
      this.#rest = [];
      start = at + 1;
      if (text !== "") yield toLogLine(text);
    }
    if (start < bytes.length) this.#rest.push(bytes.slice(start));
  }
}

const lineFeed = 0x0a;

function decode(parts: readonly Uint8Array[]): string {
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  return parts.map((part) => decoder.decode(part, { stream: true })).join("") + decoder.decode();
}

function toLogLine(text: string): LogLine {
  try {
    const record: unknown = JSON.parse(text);
    return { text, record: isJsonObject(record) ? record : undefined };
  } catch {
    // A line that a crash cut off.
    return { text, record: undefined };
  }
}
