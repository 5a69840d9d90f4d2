/**
 * What a client that reads slowly gets of the notices of its calls, counted in bytes: the server
 * waits a little for it where it works for that client alone, then notices are dropped. The result
 * and the questions of a call always go out. Not here: the stream itself (event_stream.ts), and who
 * works for whom (upstream/mcp/attribution.ts).
 */
import { type Clock, sleep } from "../clock.ts";
import type { Limits } from "../limits.ts";

/** The limits of a reader. */
export type ReaderLimits = Pick<
  Limits,
  "streamNoticeBytesMax" | "streamPauseBytes" | "streamPauseMs" | "streamPauseStepMs"
>;

/**
 * Whether a notice of `chars` characters fits behind the bytes that wait for the reader. A reader
 * that has read everything gets a notice of any size.
 */
export function hasRoomFor(
  chars: number,
  queuedBytes: number,
  { streamNoticeBytesMax }: ReaderLimits,
): boolean {
  return queuedBytes === 0 || queuedBytes + chars <= streamNoticeBytesMax;
}

/**
 * The function that a call's server waits by: a promise while the reader lags, undefined while it
 * keeps up. All notices that come meanwhile get the same promise. `queuedBytes` is what waits for
 * the reader: 0 once it has left or the call is over.
 */
export function roomOf(
  queuedBytes: () => number,
  { clock, limits }: { readonly clock: Clock; readonly limits: ReaderLimits },
): () => Promise<void> | undefined {
  let waiting: Promise<void> | undefined;
  return () => {
    if (waiting !== undefined || queuedBytes() < limits.streamPauseBytes) return waiting;
    waiting = untilRoom(queuedBytes, clock, limits).finally(() => waiting = undefined);
    return waiting;
  };
}

/** Runtimes do not tell when a reader has read, so this looks, less and less often. */
async function untilRoom(
  queuedBytes: () => number,
  clock: Clock,
  { streamPauseBytes, streamPauseMs, streamPauseStepMs }: ReaderLimits,
): Promise<void> {
  const end = clock.monotonic() + streamPauseMs;
  for (
    let step = 1;
    queuedBytes() >= streamPauseBytes;
    step = Math.min(2 * step, streamPauseStepMs)
  ) {
    const left = end - clock.monotonic();
    if (left <= 0) return;
    await sleep(clock, Math.min(step, left));
  }
}
