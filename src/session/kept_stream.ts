/**
 * One stream of a session with the frames that its client may ask for again, and what the store has
 * of it. The stream of a POST is stored from the moment in which its client gets the first byte. A
 * stream that its client has read to the end before its first batch is never written: there is
 * nothing to resume. Not here: bounds (event_log.ts), and when the store gets a change
 * (event_writer.ts).
 */
import type { RequestId } from "../model.ts";
import type { EncodedFrame } from "../sse/encode.ts";
import type { StreamChange } from "./event_store.ts";
import type { EventWriter, WrittenStream } from "./event_writer.ts";

/** A frame that is kept. */
export interface KeptFrame {
  readonly position: number;
  readonly at: number;
  /** Place among all frames of the log, oldest first. */
  readonly order: number;
  /** Its length is its size in bytes: a frame kept as text is ASCII. */
  readonly frame: EncodedFrame;
}

/** What a stream begins with. */
export interface KeptStreamOptions {
  readonly session: string;
  /** The name of the stream: its event ids begin with it. */
  readonly name: string;
  readonly number: number;
  /** The requests that it answers; absent for a standalone stream. */
  readonly requests: readonly RequestId[] | undefined;
  /** Absent: the frames end with the process. */
  readonly writer: EventWriter | undefined;
}

/** A stream that is kept. */
export class KeptStream implements WrittenStream {
  readonly name: string;
  readonly number: number;
  readonly frames: KeptFrame[] = [];
  isPrimed = false;
  /** Position of the newest frame; 0 before the first. */
  position = 0;
  endedAt: number | undefined;
  readonly #session: string;
  readonly #isCall: boolean;
  readonly #writer: EventWriter | undefined;
  #requests: readonly RequestId[];
  /** Whether the store gets what is new. */
  #isWritten: boolean;
  /** How often the store took a change of it. */
  #saves = 0;
  /** The newest position in the store, and up to which it has dropped frames. */
  #savedTo = 0;
  #clearedTo = 0;
  /** The newest position that is no longer kept. */
  #droppedTo = 0;
  #isForgotten = false;
  /** Whether the store may lack something. */
  #isNew = false;
  /** Whether the reader left before the end, and whether a reader has everything. */
  #isLost = false;
  #isRead = false;

  constructor({ session, name, number, requests, writer }: KeptStreamOptions) {
    this.name = name;
    this.number = number;
    this.#session = session;
    this.#writer = writer;
    this.#isCall = requests !== undefined;
    this.#requests = requests ?? [];
    // A standalone stream has nothing to resume before its first frame.
    this.#isWritten = !this.#isCall;
  }

  /** Its client gets bytes from now on; resolves when a resumption would survive a crash. */
  begin(): Promise<void> | undefined {
    if (this.#writer === undefined || this.endedAt !== undefined) return undefined;
    this.#isWritten = this.#isNew = true;
    return this.#writer.begin(this);
  }

  /** Adds a frame. */
  add(frame: KeptFrame): void {
    this.frames.push(frame);
    this.#note();
  }

  /** Removes the oldest frame and returns its size. */
  drop(): number {
    const oldest = this.frames.shift();
    if (oldest === undefined) return 0;
    this.#droppedTo = oldest.position;
    if (oldest.position <= this.#savedTo) this.#note();
    return oldest.frame.length;
  }

  /** A request of the stream needs no further answer. */
  settle(id: RequestId): void {
    this.#requests = this.#requests.filter((one) => one !== id);
    this.#note();
  }

  end(at: number): void {
    if (this.endedAt !== undefined) return;
    this.endedAt = at;
    this.#note();
  }

  /** Its reader left (`lost`), has everything, or a reader is there again. */
  noteReader(state: "lost" | "done" | "here"): void {
    this.#isLost = state === "lost";
    this.#isRead = state === "done";
    if (this.#isLost) this.#note();
  }

  /** Nothing of it is kept any longer. */
  forget(): void {
    this.#isForgotten = true;
    if (this.#saves > 0) this.#note();
  }

  change(): StreamChange | undefined {
    if (!this.#isNew) return undefined;
    this.#isNew = false;
    const { frames, position } = this;
    if (this.#saves > 0 ? this.#isDone() : this.#isForgotten || !this.#isWorthARow()) {
      return undefined;
    }
    const oldest = frames[0]?.position ?? position + 1;
    const first = Math.max(oldest, this.#savedTo + 1);
    // Most streams are read to their end before a batch: those cost a row without frames.
    const isRowAlone = this.#isCall && this.#saves === 0 && !this.#isLost;
    return {
      session: this.#session,
      stream: this.name,
      isCall: this.#isCall,
      requests: this.#requests,
      frames: isRowAlone ? [] : frames.slice(first - oldest).map(({ frame }) => frame),
      first,
      droppedTo: this.#droppedTo > this.#clearedTo ? this.#droppedTo : 0,
      isForgotten: this.#isForgotten,
    };
  }

  noteSaved({ frames, first, droppedTo }: StreamChange): void {
    this.#saves += 1;
    if (frames.length > 0) this.#savedTo = first + frames.length - 1;
    this.#clearedTo = Math.max(this.#clearedTo, droppedTo);
    if (this.position > this.#savedTo) this.#note();
  }

  noteFailed(): void {
    this.#isNew = true;
  }

  /**
   * Whether nothing more need be written: it was read to its end before its second batch. What is
   * stored stays until the stream is forgotten: after a crash it says that the outcome is unknown,
   * in case the end did not arrive.
   */
  #isDone(): boolean {
    return this.endedAt !== undefined && this.#isRead && this.#saves === 1 && !this.#isForgotten;
  }

  /** A standalone stream needs frames, a POST's stream a reader that may miss some of them. */
  #isWorthARow(): boolean {
    return this.#isCall ? this.endedAt === undefined || this.#isLost : this.frames.length > 0;
  }

  #note(): void {
    if (!this.#isWritten || this.#writer === undefined) return;
    this.#isNew = true;
    if (this.#isLost) this.#writer.hurry(this);
    else this.#writer.note(this);
  }
}
