/**
 * The line framer: a child's byte stream as whole lines of text, block by block. A line beyond the
 * bound is dropped up to its newline, in constant memory. A failing read is retried with backoff,
 * and after too many failures in a row the stream is given up (case P1). The caller knows what a
 * line means. MCP stdio transport: messages are delimited by newlines (UTF-8).
 */
import { type Clock, sleep } from "../../clock.ts";
import { decodeHead, decodeTail } from "../../excerpt.ts";
import { defaultLimits, type Limits } from "../../limits.ts";
import type { OversizedMessage } from "../link/oversized_message.ts";
import type { ReadPlace } from "../read_turns.ts";

/** Why a reader ended: the end of the stream, `stop`, or too many failures in a row. */
export type LineEnd = "eof" | "stopped" | "failed";

/** What a reader tells; must not throw. */
export interface LineHandler {
  /** Whole lines without their ends. Reading waits for a returned promise. */
  lines(lines: readonly string[]): void | Promise<void>;
  tooLong(line: OversizedMessage): void;
  /** How many lines came so far for which nothing waited, such as notices. Absent: none. */
  unasked?(): number;
  /** A read failed, for the n-th time in a row. */
  fault(error: unknown, inARow: number): void;
}

/** Limits of a reader. */
export type LineLimits = Pick<
  Limits,
  | "lineBytesMax"
  | "readAheadBytes"
  | "readFailuresMax"
  | "readPieceBytes"
  | "readRetryMsMin"
  | "readRetryMsMax"
  | "readTurnMs"
>;

/** A running reader. */
export interface LineReader {
  /** Resolves when no more lines come; never rejects. */
  readonly ended: Promise<LineEnd>;
  /** The beginning of the unfinished line. */
  unfinished(): string;
  /** Stops at once; no lines come afterwards. */
  stop(): void;
}

const newline = 10;
/** Kept of each end of a line that is too long: enough to see a message's envelope. */
const edgeBytes = 96;

/** Reads a stream until it ends. A stream that always has data takes turns with others, if any. */
export function readLines(
  stream: ReadableStream<Uint8Array>,
  handler: LineHandler,
  limits: LineLimits,
  clock: Clock,
  place?: ReadPlace,
): LineReader {
  const stopping = new AbortController();
  const reader = stream.getReader();
  const framer = createFramer(limits.lineBytesMax, (line) => handler.tooLong(line));

  // Not in `run`, which would keep the lines while it waits for its turn.
  const give = (lines: readonly string[]): void | Promise<void> =>
    lines.length > 0 ? handler.lines(lines) : undefined;
  let counted = 0;
  /** The lines that came since the last call and answered nothing. */
  const unasked = (): number => {
    const before = counted;
    counted = handler.unasked?.() ?? 0;
    return counted - before;
  };

  const run = async (): Promise<LineEnd> => {
    let failures = 0;
    let turnStart = clock.monotonic();
    for (;;) {
      let chunk: Uint8Array | undefined;
      const asked = clock.monotonic();
      try {
        const read = await reader.read();
        chunk = read.done ? undefined : read.value;
        failures = 0;
      } catch (error) {
        if (stopping.signal.aborted) return "stopped";
        failures++;
        handler.fault(error, failures);
        if (failures >= limits.readFailuresMax) return "failed";
        const wait = Math.min(limits.readRetryMsMax, limits.readRetryMsMin * 2 ** (failures - 1));
        await sleep(clock, wait, stopping.signal);
        turnStart = clock.monotonic();
        continue;
      }
      if (stopping.signal.aborted) return "stopped";
      // After a wait, everything else has had its turn.
      const got = clock.monotonic();
      if (got - asked > 1) turnStart = got;
      if (chunk === undefined) {
        await give(framer.finish());
        return "eof";
      }
      // A program that is not ahead of its reader writes less at a time: that is read at once.
      const isAhead = chunk.length >= limits.readAheadBytes;
      const step = isAhead ? limits.readPieceBytes : chunk.length;
      for (let at = 0; at < chunk.length; at += step) {
        const end = Math.min(chunk.length, at + step);
        const held = give(framer.push(chunk.subarray(at, end)));
        if (held !== undefined) await held;
        if (stopping.signal.aborted) return "stopped";
        const notices = unasked();
        const turn = isAhead || notices > 0 ? place?.next(end - at, notices) : undefined;
        if (turn !== undefined) await turn;
      }
      // A stream that always has data would otherwise block timers and sockets.
      if (clock.monotonic() - turnStart > limits.readTurnMs) {
        await sleep(clock, 0, stopping.signal);
        turnStart = clock.monotonic();
      }
    }
  };

  const release = () => void reader.cancel().catch(() => {});
  return {
    ended: run().then((end) => {
      if (end === "failed") release();
      return end;
    }),
    unfinished: framer.unfinished,
    stop() {
      stopping.abort();
      release();
    },
  };
}

/** Cuts chunks into lines and keeps the unfinished rest. */
export interface Framer {
  push(chunk: Uint8Array): string[];
  /** The last line when the stream ended without a newline. */
  finish(): string[];
  /** The beginning of the line that waits for its newline. */
  unfinished(): string;
}

/** Makes a framer for lines of at most `bytesMax` bytes. */
export function createFramer(bytesMax: number, tooLong: (line: OversizedMessage) => void): Framer {
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  let parts: Uint8Array[] = [];
  let size = 0;
  let discarded: { head: Uint8Array; tail: Uint8Array } | undefined;

  const keep = (bytes: Uint8Array): void => {
    if (bytes.length === 0) return;
    size += bytes.length;
    if (discarded !== undefined) {
      const edge = bytes.subarray(-edgeBytes);
      const { tail } = discarded;
      discarded.tail = join([tail, edge], tail.length + edge.length).slice(-edgeBytes);
      return;
    }
    parts.push(bytes);
    if (size <= bytesMax) return;
    const whole = join(parts, size);
    discarded = { head: whole.slice(0, edgeBytes), tail: whole.slice(-edgeBytes) };
    parts = [];
  };

  const takeLine = (): string | undefined => {
    const bytes = size;
    size = 0;
    if (discarded !== undefined) {
      const { head, tail } = discarded;
      discarded = undefined;
      tooLong({ head: decodeHead(head), tail: decodeTail(tail), bytes });
      return undefined;
    }
    const line = decoder.decode(parts.length === 1 ? parts[0] : join(parts, bytes));
    parts = [];
    return line;
  };

  const push = (chunk: Uint8Array): string[] => {
    const last = chunk.lastIndexOf(newline);
    if (last < 0) {
      keep(chunk);
      return [];
    }
    let lines: string[] = [];
    let start = 0;
    if (size > 0) {
      const first = chunk.indexOf(newline);
      keep(chunk.subarray(0, first));
      start = first + 1;
      const line = takeLine();
      if (line !== undefined) lines.push(line);
    }
    if (start <= last) {
      const block = decoder.decode(chunk.subarray(start, last)).split("\n");
      lines = lines.length === 0 ? block : lines.concat(block);
    }
    keep(chunk.subarray(last + 1));
    return lines;
  };

  const finish = (): string[] => {
    if (size === 0) return [];
    const line = takeLine();
    return line === undefined ? [] : [line];
  };
  const unfinished = (): string => {
    const head = discarded?.head ?? parts[0]?.slice(0, edgeBytes);
    return head === undefined ? "" : decodeHead(head);
  };
  return { push, finish, unfinished };
}

/** The memory in which lines that arrive in pieces are joined, one at a time. */
let shared = new Uint8Array(0);

/**
 * The parts as one line, valid until the next call. Copying into memory that is reused spares
 * fresh memory for each line; a very long line gets memory of its own.
 */
function join(parts: readonly Uint8Array[], size: number): Uint8Array {
  if (shared.length < size && size <= defaultLimits.joinedBytesKept) {
    shared = new Uint8Array(Math.min(2 * size, defaultLimits.joinedBytesKept));
  }
  const whole = size <= shared.length ? shared.subarray(0, size) : new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
