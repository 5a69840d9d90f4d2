/**
 * The events that one session's clients may still ask for again: the owned frames of its streams,
 * within bounds of number, bytes and age. An id names the log, the stream and the position.
 * `Last-Event-ID` therefore resumes that one stream, and an id of another session resumes none.
 * Follows "Resumability and Redelivery" of the Streamable HTTP transport (2025-03-26 to
 * 2025-11-25). Not here: one stream (kept_stream.ts), who is connected, and streams of an earlier
 * run (http), and shared frames, which carry no id.
 */
import type { Clock } from "../clock.ts";
import type { Limits } from "../limits.ts";
import type { RequestId } from "../model.ts";
import { type EncodedFrame, keptFrame } from "../sse/encode.ts";
import { eventId, parseEventId } from "./event_id.ts";
import type { EventWriter } from "./event_writer.ts";
import { KeptStream } from "./kept_stream.ts";

/** The rest of a stream for a client that comes back. */
export interface Replay {
  /** Its number in this log; absent for a stream of an earlier run. */
  readonly stream?: number;
  /** Encoded frames after the given id, in order. */
  readonly frames: readonly EncodedFrame[];
  /** Whether nothing more will come on this stream. */
  readonly ended: boolean;
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
  /** The key of the session. */
  readonly session?: string;
  /** Absent: the frames end with the process. */
  readonly writer?: EventWriter | undefined;
  /** A frame was dropped to keep a bound, before its age was over. */
  readonly evicted: () => void;
}

/** Sweeps of old frames within one `replayAgeMs`; each replay sweeps first as well. */
const sweepsPerAge = 10;

/** The replay buffer of one session. */
export class EventLog {
  readonly #options: EventLogOptions;
  readonly #origin: string;
  readonly #streams = new Map<number, KeptStream>();
  #opened = 0;
  #appended = 0;
  #bytesKept = 0;
  #sweptAt = -Infinity;

  constructor(options: EventLogOptions) {
    this.#options = options;
    // Logs of one run differ by chance, so that an id of another session is unknown here (case C6).
    this.#origin = `${options.epoch}-${options.clock.random().toString(36).slice(2)}`;
  }

  /**
   * Begins a stream, with the requests that it answers if it is that of a POST; its number is never
   * used again.
   */
  openStream(requests?: readonly RequestId[]): number {
    const { clock, limits, session = "", writer } = this.#options;
    // Not on every opening: a session may open a stream for each call, and sweeps visit all.
    if (clock.monotonic() - this.#sweptAt >= limits.replayAgeMs / sweepsPerAge) this.dropAged();
    const number = ++this.#opened;
    const name = `${this.#origin}-${number}`;
    this.#streams.set(number, new KeptStream({ session, name, number, requests, writer }));
    this.#dropEnded();
    return number;
  }

  /**
   * The client of a POST's stream gets bytes from now on. Resolves when a resumption would survive
   * a crash; undefined if that takes no wait.
   */
  begin(number: number): Promise<void> | undefined {
    return this.#streams.get(number)?.begin();
  }

  /** The id of the place before the stream's first frame, to resume from. */
  prime(number: number): string {
    const stream = this.#openOnly(number);
    stream.isPrimed = true;
    return eventId(stream.name, 0);
  }

  /** Stores a frame and returns it in the form for the client. Throws if the stream is not open. */
  append(number: number, data: string): { readonly id: string; readonly frame: EncodedFrame } {
    const { clock, limits } = this.#options;
    const stream = this.#openOnly(number);
    const position = ++stream.position;
    const id = eventId(stream.name, position);
    const frame = keptFrame({ id, data });
    stream.add({ position, at: clock.monotonic(), order: ++this.#appended, frame });
    this.#bytesKept += frame.length;
    if (stream.frames.length > limits.replayFramesMax) this.#evict(stream);
    while (this.#bytesKept > limits.replayBytesMax) this.#evict(oldestOf(this.#streams.values()));
    return { id, frame };
  }

  /** A request of a stream needs no further answer. */
  settle(number: number, id: RequestId): void {
    this.#streams.get(number)?.settle(id);
  }

  /** What happened to the reader of a stream. */
  noteReader(number: number, state: "lost" | "done" | "here"): void {
    this.#streams.get(number)?.noteReader(state);
  }

  /** Ends a stream; its stored frames stay until a bound or their age drops them. */
  endStream(number: number): void {
    const stream = this.#streams.get(number);
    if (stream === undefined) return;
    stream.end(this.#options.clock.monotonic());
    this.#dropEnded();
  }

  /** Undefined for an id that this log never issued, or whose stream it has forgotten. */
  replay(lastEventId: string): Replay | undefined {
    this.dropAged();
    const place = this.owns(lastEventId) ? parseEventId(lastEventId) : undefined;
    const stream = place && this.#streams.get(Number(place.stream.slice(this.#origin.length + 1)));
    if (place === undefined || stream?.name !== place.stream) return undefined;
    const { position } = place;
    if (position > stream.position || (position === 0 && !stream.isPrimed)) return undefined;
    const frames = stream.frames.filter((frame) => frame.position > position);
    return {
      stream: stream.number,
      frames: frames.map(({ frame }) => frame),
      ended: stream.endedAt !== undefined,
    };
  }

  /** Whether an id can only be of this log. */
  owns(id: string): boolean {
    return id.startsWith(`${this.#origin}-`);
  }

  /** Drops old frames, in a session in which nothing else happens. */
  dropAged(): void {
    const { clock, limits } = this.#options;
    this.#sweptAt = clock.monotonic();
    const oldest = this.#sweptAt - limits.replayAgeMs;
    for (const stream of this.#streams.values()) {
      while ((stream.frames[0]?.at ?? Infinity) < oldest) this.#bytesKept -= stream.drop();
      if ((stream.endedAt ?? Infinity) < oldest) this.#forget(stream);
    }
  }

  /** Open streams are as few as the running calls; only ended ones need a bound of their own. */
  #dropEnded(): void {
    for (const stream of this.#streams.values()) {
      if (this.#streams.size <= this.#options.limits.replayStreamsMax) return;
      if (stream.endedAt === undefined) continue;
      for (const _ of stream.frames) this.#options.evicted();
      this.#forget(stream);
    }
  }

  #forget(stream: KeptStream): void {
    for (const { frame } of stream.frames) this.#bytesKept -= frame.length;
    this.#streams.delete(stream.number);
    stream.forget();
  }

  #evict(stream: KeptStream | undefined): void {
    this.#bytesKept -= stream?.drop() ?? 0;
    this.#options.evicted();
  }

  #openOnly(number: number): KeptStream {
    const stream = this.#streams.get(number);
    if (stream === undefined || stream.endedAt !== undefined) {
      throw new Error(`Cannot write to stream "${number}": it is not open in this log`);
    }
    return stream;
  }
}

/** Makes the log of one session. */
export function createEventLog(options: EventLogOptions): EventLog {
  return new EventLog(options);
}

/** The stream with the oldest first frame. */
function oldestOf(streams: Iterable<KeptStream>): KeptStream | undefined {
  let found: KeptStream | undefined;
  for (const stream of streams) {
    const order = stream.frames[0]?.order ?? Infinity;
    if (order < (found?.frames[0]?.order ?? Infinity)) found = stream;
  }
  return found;
}
