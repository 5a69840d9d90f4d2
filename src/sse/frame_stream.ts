/**
 * One client's event stream. Frames that are written in one microtask turn leave in one chunk, and
 * frames that are bytes already, such as those for many readers, are passed on as they are. The
 * bytes go to a listener that takes written bodies, or to a web stream, which is made when it is
 * asked for: an idle stream needs little memory. A stream that ends before it is read becomes one
 * text. Not here: the format of a frame (encode.ts), heartbeats and resumption (http).
 */
import type { Limits } from "../limits.ts";
import type { BodyOutlet, WrittenBody } from "../runtime/runtime.ts";
import {
  type EncodedFrame,
  encodeText,
  type Frame,
  frameText,
  sharedBytes,
  type SharedFrame,
} from "./encode.ts";
import { PulledBody } from "./pulled_body.ts";

/** How a stream ended. */
export type FrameStreamEnd = "ended" | "cancelled" | "overflow";

type Written = Frame | SharedFrame | EncodedFrame;

/** One client's stream. */
export class FrameStream implements WrittenBody {
  readonly #bytesMax: number;
  /** Where the bytes go; absent before there is a reader. */
  #outlet: BodyOutlet | undefined;
  /** The outlet if it is a web stream. */
  #pulled: PulledBody | undefined;
  /** Bytes that were written before there was a reader. */
  #early: Uint8Array[] | undefined;
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
    if (this.#pulled === undefined) {
      this.#pulled = new PulledBody(this, this.#bytesMax);
      this.open(this.#pulled);
    }
    return this.#pulled.readable;
  }

  open(outlet: BodyOutlet): void {
    this.#outlet = outlet;
    for (const bytes of this.#early ?? []) outlet.write(bytes);
    this.#early = undefined;
    this.#earlySize = 0;
    this.#flush();
    if (this.#isOver) outlet.end();
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
    const isText = this.#outlet === undefined && this.#early === undefined;
    if (!this.#isOver || !isText) return undefined;
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
    if (typeof chunk === "string") this.#gather(chunk, sizeOf(frame));
    else {
      this.#flush();
      this.#pass(chunk instanceof Uint8Array ? chunk : sharedBytes(chunk));
    }
    return true;
  }

  /** Ends the stream after the queued frames. */
  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    if (this.#outlet === undefined) return;
    this.#flush();
    this.#outlet.end();
  }

  /** Bytes that wait for the reader. Text counts one byte a character until it is encoded. */
  queuedBytes(): number {
    if (this.#how !== undefined) return 0;
    return this.#gatheredSize + this.#earlySize + (this.#outlet?.queuedBytes() ?? 0);
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
    if (this.#isFlushDue || this.#outlet === undefined) return;
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
    this.#pass(encodeText(gathered));
  }

  #pass(bytes: Uint8Array): void {
    if (this.#outlet !== undefined) return this.#outlet.write(bytes);
    (this.#early ??= []).push(bytes);
    this.#earlySize += bytes.byteLength;
  }

  /** Ends the stream between two frames, so that the client resumes instead of reporting a fault. */
  #overflow(): void {
    this.#isOver = true;
    if (this.#outlet === undefined) void this.readable;
    this.#flush();
    this.#outlet?.end();
    this.#finish("overflow");
  }

  #finish(how: FrameStreamEnd): void {
    if (this.#how !== undefined) return;
    this.#isOver = true;
    this.#how = how;
    this.#gathered = "";
    this.#early = undefined;
    const watchers = this.#watchers;
    this.#watchers = undefined;
    for (const run of watchers ?? []) queueMicrotask(() => run(how));
  }
}

/** Opens a stream; see the class. */
export function openFrameStream(limits: Pick<Limits, "streamBytesMax">): FrameStream {
  return new FrameStream(limits);
}

function sizeOf(frame: Written): number {
  if (typeof frame === "string") return frame.length;
  if (frame instanceof Uint8Array) return frame.byteLength;
  if ("bytes" in frame) return sizeOf(frame.frame);
  const { data, comment, id, event } = frame;
  return (data?.length ?? 0) + (comment?.length ?? 0) + (id?.length ?? 0) + (event?.length ?? 0);
}
