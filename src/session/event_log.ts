/**
 * The events that one session's clients may still ask for again: the owned frames of its streams,
 * in memory, within bounds of number, bytes and age. An id names the log, the stream and the
 * position. `Last-Event-ID` therefore resumes that one stream, and an id of another session or of
 * an earlier run resumes none. Follows "Resumability and Redelivery" of the Streamable HTTP
 * transport (2025-03-26 to 2025-11-25). Not here: who is connected (http), and shared frames, which
 * carry no id.
 */
import type { Clock } from "../clock.ts";
import type { Limits } from "../limits.ts";
import { type EncodedFrame, keptFrame } from "../sse/encode.ts";

/** The rest of a stream for a client that comes back. */
export interface Replay {
  readonly stream: number;
  /** Encoded frames after the given id, in order. */
  readonly frames: readonly EncodedFrame[];
  /** Whether nothing more will come on this stream. */
  readonly ended: boolean;
}

/** The replay buffer of one session. */
export interface EventLog {
  /** Begins a stream; its number is never used again. */
  openStream(): number;
  /** The id of the place before the stream's first frame, to resume from. */
  prime(stream: number): string;
  /** Stores a frame and returns it in the form for the client. Throws if the stream is not open. */
  append(stream: number, data: string): { readonly id: string; readonly frame: EncodedFrame };
  /** Ends a stream; its stored frames stay until a bound or their age drops them. */
  endStream(stream: number): void;
  /** Undefined for an id that this log never issued, or whose stream it has forgotten. */
  replay(lastEventId: string): Replay | undefined;
  /** Drops old frames, in a session in which nothing else happens. */
  dropAged(): void;
}

/** What a log is made from. */
export interface EventLogOptions {
  readonly limits: Pick<
    Limits,
    "replayFramesMax" | "replayBytesMax" | "replayAgeMs" | "replayStreamsMax"
  >;
  readonly clock: Clock;
  /** The name of the instance that has the streams, in visible ASCII: every id begins with it. */
  readonly epoch: string;
  /** A frame was dropped to keep a bound, before its age was over. */
  readonly evicted: () => void;
}

/** Sweeps of old frames within one `replayAgeMs`; each replay sweeps first as well. */
const sweepsPerAge = 10;

interface KeptFrame {
  readonly position: number;
  readonly at: number;
  /** Place among all frames of the log, oldest first. */
  readonly order: number;
  /** Its length is its size in bytes: a frame kept as text is ASCII. */
  readonly frame: EncodedFrame;
}

interface KeptStream {
  readonly number: number;
  readonly frames: KeptFrame[];
  primed: boolean;
  /** Position of the newest frame; 0 before the first. */
  position: number;
  endedAt: number | undefined;
}

/** Makes the log of one session. */
export function createEventLog({ limits, clock, epoch, evicted }: EventLogOptions): EventLog {
  // Logs of one run differ by chance, so that an id of another session is unknown here (case C6).
  const tag = clock.random().toString(36).slice(2);
  const origin = `${epoch}-${tag}`;
  const streams = new Map<number, KeptStream>();
  let opened = 0;
  let appended = 0;
  let bytesKept = 0;
  let sweptAt = -Infinity;

  const drop = (frames: KeptFrame[]): void => {
    bytesKept -= frames.shift()?.frame.length ?? 0;
  };
  const evict = (frames: KeptFrame[]): void => {
    drop(frames);
    evicted();
  };
  const forget = (stream: KeptStream, one: (frames: KeptFrame[]) => void): void => {
    while (stream.frames.length > 0) one(stream.frames);
    streams.delete(stream.number);
  };
  const dropAged = (): void => {
    sweptAt = clock.monotonic();
    const oldest = sweptAt - limits.replayAgeMs;
    for (const stream of streams.values()) {
      while (stream.frames[0] !== undefined && stream.frames[0].at < oldest) drop(stream.frames);
      if (stream.endedAt !== undefined && stream.endedAt < oldest) forget(stream, drop);
    }
  };
  // Open streams are as few as the running calls; only ended ones need a bound of their own.
  const dropEnded = (): void => {
    for (const stream of streams.values()) {
      if (streams.size <= limits.replayStreamsMax) return;
      if (stream.endedAt !== undefined) forget(stream, evict);
    }
  };
  const dropOldest = (): void => {
    while (bytesKept > limits.replayBytesMax) evict(oldestFrames(streams.values()));
  };
  const openOnly = (number: number): KeptStream => {
    const stream = streams.get(number);
    if (stream === undefined || stream.endedAt !== undefined) {
      throw new Error(`Cannot write to stream "${number}": it is not open in this log`);
    }
    return stream;
  };

  return {
    openStream() {
      // Not on every opening: a session may open a stream for each call, and sweeps visit all.
      if (clock.monotonic() - sweptAt >= limits.replayAgeMs / sweepsPerAge) dropAged();
      const number = ++opened;
      const stream = { number, frames: [], primed: false, position: 0, endedAt: undefined };
      streams.set(number, stream);
      dropEnded();
      return number;
    },
    prime(number) {
      openOnly(number).primed = true;
      return toId(origin, number, 0);
    },
    append(number, data) {
      const stream = openOnly(number);
      const position = ++stream.position;
      const id = toId(origin, number, position);
      const frame = keptFrame({ id, data });
      stream.frames.push({ position, at: clock.monotonic(), order: ++appended, frame });
      bytesKept += frame.length;
      if (stream.frames.length > limits.replayFramesMax) evict(stream.frames);
      dropOldest();
      return { id, frame };
    },
    endStream(number) {
      const stream = streams.get(number);
      if (stream === undefined) return;
      stream.endedAt ??= clock.monotonic();
      dropEnded();
    },
    replay(lastEventId) {
      dropAged();
      const place = parseId(origin, lastEventId);
      const stream = place && streams.get(place.stream);
      if (place === undefined || stream === undefined) return undefined;
      const { position } = place;
      if (position > stream.position || (position === 0 && !stream.primed)) return undefined;
      const frames = stream.frames.filter((frame) => frame.position > position);
      return {
        stream: stream.number,
        frames: frames.map(({ frame }) => frame),
        ended: stream.endedAt !== undefined,
      };
    },
    dropAged,
  };
}

function toId(origin: string, stream: number, position: number): string {
  return `${origin}-${stream}-${position}`;
}

/**
 * The place that an id of this log names; ids are compared as text, so that each has one spelling.
 */
function parseId(origin: string, id: string): { stream: number; position: number } | undefined {
  if (!id.startsWith(`${origin}-`)) return undefined;
  const [stream = NaN, position = NaN] = id.slice(origin.length + 1).split("-", 2).map(Number);
  const exact = Number.isSafeInteger(position) && toId(origin, stream, position) === id;
  return exact ? { stream, position } : undefined;
}

/** The frames of the stream with the oldest first frame. */
function oldestFrames(streams: Iterable<KeptStream>): KeptFrame[] {
  let found: KeptFrame[] = [];
  for (const { frames } of streams) {
    if ((frames[0]?.order ?? Infinity) < (found[0]?.order ?? Infinity)) found = frames;
  }
  return found;
}
