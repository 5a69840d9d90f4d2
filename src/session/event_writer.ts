/**
 * Writes the streams of all sessions to the store: the row of a new stream at the end of the turn
 * in which it was primed, and its frames in batches, one transaction each. A fault of the store is
 * logged once and harms no stream; what could not be written is tried again. Not here: what is
 * written (kept_stream.ts).
 */
import type { Clock } from "../clock.ts";
import type { Limits } from "../limits.ts";
import type { Log } from "../log.ts";
import type { EventStore, StreamChange } from "./event_store.ts";

/** A stream as the writer sees it. */
export interface WrittenStream {
  /**
   * What the store does not have yet, with frames of so many bytes at most and one if need be;
   * undefined if it has everything.
   */
  change(bytesMax: number): StreamChange | undefined;
  /** The store has this change. */
  noteSaved(change: StreamChange): void;
  /** The store did not take a change. */
  noteFailed(): void;
}

/** What a writer is made from. */
export interface EventWriterOptions {
  readonly store: EventStore;
  readonly clock: Clock;
  readonly limits: Pick<Limits, "eventFlushMs" | "eventFlushBytesMax" | "storageRetryMs">;
  readonly log: Log;
  /** Runs a function in the next turn of the event loop. */
  readonly nextTurn: (run: () => void) => void;
}

/** Makes the writer of a store. */
export function createEventWriter(options: EventWriterOptions): EventWriter {
  return new EventWriter(options);
}

/** Writes the streams of all sessions. */
export class EventWriter {
  readonly store: EventStore;
  readonly #options: EventWriterOptions;
  /** Streams for the next batch. */
  readonly #later = new Set<WrittenStream>();
  /** Streams for the end of this turn. */
  readonly #soon = new Set<WrittenStream>();
  /** Called when the streams of this turn are written. */
  #waiting: (() => void)[] = [];
  #isTurnDue = false;
  #cancelTimer: (() => void) | undefined;
  /** The write under way: one follows the other. */
  #writing: Promise<void> = Promise.resolve();
  #fails = false;
  #isClosed = false;

  constructor(options: EventWriterOptions) {
    this.store = options.store;
    this.#options = options;
  }

  /** Resolves, never rejects, when the row of a new stream would survive a crash. */
  begin(stream: WrittenStream): Promise<void> {
    if (this.#isClosed) return Promise.resolve();
    this.hurry(stream);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** A stream has something new, for the next batch. */
  note(stream: WrittenStream): void {
    if (this.#isClosed) return;
    this.#later.add(stream);
    this.#setTimer(this.#options.limits.eventFlushMs);
  }

  /** A stream has something new, of which its client may know nothing. */
  hurry(stream: WrittenStream): void {
    if (this.#isClosed) return;
    this.#soon.add(stream);
    // While the disk fails, each turn would fail too.
    if (this.#fails && this.#waiting.length === 0) return this.#setTimer(this.#retryMs);
    if (this.#isTurnDue) return;
    this.#isTurnDue = true;
    this.#options.nextTurn(() => {
      this.#isTurnDue = false;
      const waiting = this.#waiting;
      this.#waiting = [];
      void this.#write(this.#soon, Infinity).then(() => {
        for (const resolve of waiting) resolve();
      });
    });
  }

  /** Writes what is pending now. */
  async flush(): Promise<void> {
    await this.#write(this.#soon, Infinity);
    await this.#write(this.#later, Infinity);
  }

  /** Writes what is pending, and nothing more. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#cancelTimer?.();
    await this.#write(this.#soon, Infinity);
    await this.#write(this.#later, Infinity);
  }

  get #retryMs(): number {
    return this.#options.limits.storageRetryMs;
  }

  #setTimer(ms: number): void {
    this.#cancelTimer ??= this.#options.clock.after(ms, () => {
      this.#cancelTimer = undefined;
      for (const stream of this.#soon) this.#later.add(stream);
      this.#soon.clear();
      void this.#write(this.#later, this.#options.limits.eventFlushBytesMax);
    });
  }

  /**
   * Writes the streams of a set after what is being written, with frames of so many bytes at most.
   * Others wait for the next batch.
   */
  #write(set: Set<WrittenStream>, bytesMax: number): Promise<void> {
    const streams = [...set];
    set.clear();
    return this.#writing = this.#writing.then(() => this.#save(streams, bytesMax));
  }

  async #save(streams: readonly WrittenStream[], bytesMax: number): Promise<void> {
    const written: [WrittenStream, StreamChange][] = [];
    let left = bytesMax;
    for (const stream of streams) {
      if (left <= 0) {
        this.note(stream);
        continue;
      }
      const change = stream.change(left);
      if (change === undefined) continue;
      written.push([stream, change]);
      left -= change.frames.reduce((sum, frame) => sum + frame.length, 0);
    }
    if (written.length === 0) return;
    try {
      await this.store.save(written.map(([, change]) => change));
      for (const [stream, change] of written) stream.noteSaved(change);
      this.#fails = false;
    } catch (fault) {
      if (!this.#fails) {
        this.#options.log.error("Cannot store the streams of sessions; they go on without", {
          fault,
        });
      }
      this.#fails = true;
      if (this.#isClosed) return;
      for (const [stream] of written) {
        stream.noteFailed();
        this.#later.add(stream);
      }
      this.#setTimer(this.#retryMs);
    }
  }
}
