/**
 * One open event stream to one reader: its byte limit, its heartbeat, and the clean-up when the
 * reader leaves. The body signals that, since a request's abort signal also fires after success on
 * some runtimes. Not here: what the stream carries and how it is resumed (session_streams.ts).
 */
import type { Limits } from "../limits.ts";
import type { FetchContext } from "../runtime/runtime.ts";
import type { EncodedFrame, Frame, SharedFrame } from "../sse/encode.ts";
import { FrameStream, type FrameStreamEnd } from "../sse/frame_stream.ts";
import type { Beating, Heartbeats } from "./heartbeat.ts";

/** What a connection is made from. */
export interface EventStreamDeps {
  readonly limits: Limits;
  readonly heartbeats: Heartbeats;
  /** Whether the listener lets the stream be silent; otherwise it beats faster. */
  readonly isHeldOpen: boolean;
}

/** An open event stream. */
export class EventStream implements Beating {
  readonly isHeldOpen: boolean;
  readonly #heartbeats: Heartbeats;
  readonly #frames: FrameStream;
  #isOver = false;
  #beat: (() => void) | undefined;

  constructor({ limits, heartbeats, isHeldOpen }: EventStreamDeps) {
    this.isHeldOpen = isHeldOpen;
    this.#heartbeats = heartbeats;
    this.#frames = new FrameStream(limits);
    heartbeats.add(this);
    this.#frames.whenClosed(() => this.#end());
  }

  get body(): ReadableStream<Uint8Array> {
    return this.#frames.readable;
  }

  /** The body for a listener: null for one that takes it as it is written. */
  bodyFor({ write }: FetchContext): ReadableStream<Uint8Array> | null {
    if (write === undefined) return this.body;
    write(this.#frames);
    return null;
  }

  /** The body of a stream that ended before it was read; undefined for any other. */
  takeWhole(): string | undefined {
    return this.#frames.takeWhole();
  }

  /** False once the reader has used up its budget: the stream then ends after what is queued. */
  write(frame: Frame | SharedFrame | EncodedFrame): boolean {
    if (this.#isOver) return false;
    if (this.#frames.offer(frame)) return true;
    // Queued frames are still sent: without the first event a reader could not resume.
    this.#end();
    return false;
  }

  /** Ends after the queued frames; a delay tells the reader when to reconnect. */
  end(retryMs?: number): void {
    if (retryMs !== undefined) this.write({ retry: retryMs });
    this.#end();
  }

  /** Whether nothing more can be written. */
  isOver(): boolean {
    return this.#isOver;
  }

  queuedBytes(): number {
    return this.#frames.queuedBytes();
  }

  beat(frame: SharedFrame): void {
    if (this.write(frame)) this.#beat?.();
  }

  /** Calls back at each heartbeat. */
  onBeat(run: () => void): void {
    this.#beat = run;
  }

  /** Calls back once, when the stream is over. */
  whenClosed(run: (how: FrameStreamEnd) => void): void {
    this.#frames.whenClosed(run);
  }

  /** The same as a promise, which never rejects. */
  get closed(): Promise<FrameStreamEnd> {
    return this.#frames.closed;
  }

  #end(): void {
    this.#isOver = true;
    this.#heartbeats.remove(this);
    this.#frames.end();
  }
}

/** Opens a connection. */
export function openEventStream(deps: EventStreamDeps): EventStream {
  return new EventStream(deps);
}
