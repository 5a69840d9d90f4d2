/**
 * What a client that reads slowly gets of the notices of its calls, counted in bytes: the server
 * waits for it where it works for that client alone, and when the client stands still, notices are
 * dropped. The result and the questions of a call always go out. Not here: the stream itself
 * (event_stream.ts), and who works for whom (upstream/mcp/attribution.ts).
 */
import { type Clock, sleep } from "../clock.ts";
import type { Limits } from "../limits.ts";
import type { ReaderRoom } from "../reader_room.ts";

/** The limits of a reader. */
export type ReaderLimits = Pick<
  Limits,
  "streamNoticeBytesMax" | "streamPauseBytes" | "streamPauseMs" | "streamPauseStepMs"
>;

/**
 * Whether a notice of `chars` characters may follow the bytes that wait for the reader; with 0,
 * whether any may. A reader that has read everything gets a notice of any size.
 */
export function hasRoomFor(
  chars: number,
  queuedBytes: number,
  { streamNoticeBytesMax }: ReaderLimits,
): boolean {
  return queuedBytes === 0 || Math.max(queuedBytes, chars) < streamNoticeBytesMax;
}

/** A reader of notices. */
export interface NoticeReader {
  /** What waits for it: 0 once it has left or the call is over. */
  queuedBytes(): number;
  /** Counts a notice that is dropped. */
  drop(): void;
}

/** The room of a reader; all notices that come while it lags wait for the same promise. */
export class SlowReader implements ReaderRoom {
  readonly #reader: NoticeReader;
  readonly #deps: { readonly clock: Clock; readonly limits: ReaderLimits };
  #waiting: Promise<void> | undefined;
  /** What waited when the reader was last seen to stand still. */
  #stalledAt = Infinity;

  constructor(
    reader: NoticeReader,
    deps: { readonly clock: Clock; readonly limits: ReaderLimits },
  ) {
    this.#reader = reader;
    this.#deps = deps;
  }

  /**
   * Undefined while the reader keeps up, or has read nothing for so long that waiting would only
   * keep its result back.
   */
  wait(): Promise<void> | undefined {
    if (this.#waiting !== undefined) return this.#waiting;
    const queued = this.#reader.queuedBytes();
    const { clock, limits } = this.#deps;
    if (queued < limits.streamPauseBytes) return undefined;
    if (queued >= this.#stalledAt) {
      this.#stalledAt = queued;
      return undefined;
    }
    const queuedBytes = () => this.#reader.queuedBytes();
    return this.#waiting = untilRoom(queuedBytes, clock, limits).then((isRoom) => {
      this.#waiting = undefined;
      this.#stalledAt = isRoom ? Infinity : queuedBytes();
    });
  }

  drops(): boolean {
    if (hasRoomFor(0, this.#reader.queuedBytes(), this.#deps.limits)) return false;
    this.#reader.drop();
    return true;
  }
}

/**
 * True when there is room, false when the reader read nothing for `streamPauseMs`. Runtimes do not
 * tell when a reader has read, so this looks, less and less often.
 */
async function untilRoom(
  queuedBytes: () => number,
  clock: Clock,
  { streamPauseBytes, streamPauseMs, streamPauseStepMs }: ReaderLimits,
): Promise<boolean> {
  let least = Infinity;
  let end = 0;
  for (let step = 1;; step = Math.min(2 * step, streamPauseStepMs)) {
    const queued = queuedBytes();
    if (queued < streamPauseBytes) return true;
    if (queued < least) end = clock.monotonic() + streamPauseMs;
    least = queued;
    const left = end - clock.monotonic();
    if (left <= 0) return false;
    await sleep(clock, Math.min(step, left));
  }
}
