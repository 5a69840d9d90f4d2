/**
 * A body that is written as a web stream, for a listener that reads it. It has room for the whole
 * budget, so what is written never waits. Not here: the budget (frame_stream.ts).
 */
import type { BodyOutlet, WrittenBody } from "../runtime/runtime.ts";

/** The web stream of a body. */
export class PulledBody implements BodyOutlet, UnderlyingDefaultSource<Uint8Array> {
  readonly readable: ReadableStream<Uint8Array>;
  readonly #body: WrittenBody;
  readonly #bytesMax: number;
  // Set by `start`, which runs inside the constructor.
  #controller!: ReadableStreamDefaultController<Uint8Array>;
  #isEnding = false;
  #isClosed = false;
  #pullAgain: (() => void) | undefined;

  constructor(body: WrittenBody, bytesMax: number) {
    this.#body = body;
    this.#bytesMax = bytesMax;
    this.readable = new ReadableStream(this, { highWaterMark: bytesMax, size });
  }

  start(controller: ReadableStreamDefaultController<Uint8Array>): void {
    this.#controller = controller;
  }

  /** Nothing has to be asked for; after the end it tells when everything was read. */
  pull(): Promise<void> | void {
    if (this.#isEnding) return this.#closeIfRead();
    return new Promise((resolve) => this.#pullAgain = resolve);
  }

  cancel(): void {
    this.#isClosed = true;
    this.#body.left();
  }

  write(bytes: Uint8Array): void {
    if (!this.#isClosed) this.#controller.enqueue(bytes);
  }

  queuedBytes(): number {
    return this.#isClosed ? 0 : this.#bytesMax - (this.#controller.desiredSize ?? this.#bytesMax);
  }

  end(): void {
    this.#isEnding = true;
    this.#closeIfRead();
    this.#pullAgain?.();
  }

  #closeIfRead(): void {
    if (this.#isClosed || this.queuedBytes() > 0) return;
    this.#isClosed = true;
    this.#controller.close();
    this.#body.sent();
  }
}

function size(bytes?: Uint8Array): number {
  return bytes?.byteLength ?? 0;
}
