/**
 * One client's event stream. Frames that are written in one microtask turn leave in one chunk. They
 * go to the TransformStream that encodes them for a reader (encoded_body.ts), which is made when it
 * is asked for, or as bytes to a listener that takes written bodies: an idle stream needs little
 * memory there. A stream that ends before it is read becomes one text. Not here: the format of a
 * frame (encode.ts), heartbeats and resumption (http).
 */
import type { Limits } from "../limits.ts";
import type { BodyOutlet, WrittenBody } from "../runtime/runtime.ts";
import { type EncodedChunk, type Frame, frameText, sizeOfFrame, toBytes } from "./encode.ts";
import { EncodedBody } from "./encoded_body.ts";

/** How a stream ended. */
export type FrameStreamEnd = "ended" | "cancelled" | "overflow";

type Written = Frame | EncodedChunk;

/** One client's stream. */
export class FrameStream implements WrittenBody {
  readonly #bytesMax: number;
  /** Where the frames go: one of these; none before there is a reader. */
  #outlet: BodyOutlet | undefined;
  #encoded: EncodedBody | undefined;
  /** Chunks that were written before there was a reader. */
  #early: (Uint8Array | string)[] | undefined;
  #earlySize = 0;
  /** The text of the frames that leave together in the next microtask. */
  #gathered = "";
  #gatheredSize = 0;
  #isFlushDue = false;
  #isOver = false;
  #how: FrameStreamEnd | undefined;
  #watchers: ((how: FrameStreamEnd) => void)[] | undefined;

  /** Opens a stream whose reader may lag by `streamBytesMax` and one frame. */
  constructor({ streamBytesMax }: Pick<Limits, "streamBytesMax">) {
    this.#bytesMax = streamBytesMax;
  }

  /** The body of the response, for a listener that reads it. */
  get readable(): ReadableStream<Uint8Array> {
    if (this.#encoded === undefined) {
      this.#encoded = new EncodedBody(this, this.#bytesMax);
      this.#begin();
    }
    return this.#encoded.readable;
  }

  open(outlet: BodyOutlet): void {
    this.#outlet = outlet;
    this.#begin();
  }

  /** Now there is a reader. */
  #begin(): void {
    const early = this.#early ?? [];
    this.#early = undefined;
    this.#earlySize = 0;
    for (const chunk of early) this.#pass(chunk);
    this.#flush();
    if (this.#isOver) this.#endReader();
  }

  #hasReader(): boolean {
    return this.#encoded !== undefined || this.#outlet !== undefined;
  }

  #endReader(): void {
    this.#encoded?.end();
    this.#outlet?.end();
  }

  sent(): void {
    this.#finish("ended");
  }

  left(): void {
    this.#finish("cancelled");
  }

  /**
   * The whole body as text if the stream ended before it had a reader, and had frames of text alone;
   * it is then over. Otherwise undefined.
   */
  takeWhole(): string | undefined {
    const isText = !this.#hasReader() && this.#early === undefined;
    if (!this.#isOver || !isText || this.#how !== undefined) return undefined;
    const whole = this.#gathered;
    this.#finish("ended");
    return whole;
  }

  /**
   * Queues a frame. Returns false if the stream is over or its reader has used up the byte budget,
   * which ends it. Throws if the frame has a forbidden field value.
   */
  write(frame: Written): boolean {
    const isTaken = this.offer(frame);
    if (!isTaken && !this.#isOver) this.#overflow();
    return isTaken;
  }

  /** The same, but a stream whose reader has used up its budget goes on. */
  offer(frame: Written): boolean {
    const isText = typeof frame === "string" || frame instanceof Uint8Array || "bytes" in frame;
    const chunk = isText ? frame : frameText(frame);
    if (this.#isOver || this.queuedBytes() >= this.#bytesMax) return false;
    if (typeof chunk === "string") this.#gather(chunk, sizeOfFrame(frame));
    else {
      this.#flush();
      this.#pass(chunk);
    }
    return true;
  }

  /** Ends the stream after the queued frames. */
  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    if (!this.#hasReader()) return;
    this.#flush();
    this.#endReader();
  }

  /** Bytes that wait for the reader. Text counts one byte a character until it is encoded. */
  queuedBytes(): number {
    if (this.#how !== undefined) return 0;
    const reader = this.#encoded ?? this.#outlet;
    return this.#gatheredSize + this.#earlySize + (reader?.queuedBytes() ?? 0);
  }

  /**
   * Calls back when the stream is over, in a later microtask: `ended` when everything was read after
   * `end`, `cancelled` when the reader left, `overflow` when it was too slow.
   */
  whenClosed(run: (how: FrameStreamEnd) => void): void {
    const how = this.#how;
    if (how !== undefined) queueMicrotask(() => run(how));
    else if (this.#watchers === undefined) this.#watchers = [run];
    else this.#watchers.push(run);
  }

  /** The same as a promise, which never rejects. */
  get closed(): Promise<FrameStreamEnd> {
    return new Promise((resolve) => this.whenClosed(resolve));
  }

  #gather(text: string, size: number): void {
    this.#gathered += text;
    this.#gatheredSize += size;
    // Without a reader the text waits for one, or is the whole body.
    if (this.#isFlushDue || !this.#hasReader()) return;
    this.#isFlushDue = true;
    queueMicrotask(() => {
      this.#isFlushDue = false;
      this.#flush();
    });
  }

  #flush(): void {
    const gathered = this.#gathered;
    if (gathered === "") return;
    this.#gathered = "";
    this.#gatheredSize = 0;
    this.#pass(gathered);
  }

  #pass(chunk: EncodedChunk): void {
    if (this.#encoded !== undefined) return this.#encoded.take(chunk);
    if (this.#outlet !== undefined) return this.#outlet.write(toBytes(chunk));
    const kept = typeof chunk === "string" ? chunk : toBytes(chunk);
    (this.#early ??= []).push(kept);
    this.#earlySize += kept.length;
  }

  /** Ends the stream between two frames, so that the client resumes instead of reporting a fault. */
  #overflow(): void {
    this.#isOver = true;
    this.#encoded?.cut(this.#gathered);
    if (this.#outlet !== undefined) this.#flush();
    this.#outlet?.end();
    this.#finish("overflow");
  }

  #finish(how: FrameStreamEnd): void {
    if (this.#how !== undefined) return;
    this.#isOver = true;
    this.#how = how;
    // A reader that is still to come gets what there was before the overflow.
    if (how !== "overflow" || this.#hasReader()) this.#gathered = "";
    const watchers = this.#watchers;
    this.#watchers = undefined;
    for (const run of watchers ?? []) queueMicrotask(() => run(how));
  }
}

/** Opens a stream; see the class. */
export function openFrameStream(limits: Pick<Limits, "streamBytesMax">): FrameStream {
  return new FrameStream(limits);
}
