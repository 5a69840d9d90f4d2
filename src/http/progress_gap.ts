/**
 * The gap between a call's last progress notice and its answer. A client that gets both in one read
 * may lose the notice: SDK 1 drops the call's progress handler when it sees the answer, before it
 * delivers the notice. The gateway therefore writes the answer in a later turn of the event loop,
 * late enough for the notice to arrive alone. A call without progress is not delayed.
 */
import type { Clock } from "../clock.ts";
import type { Limits } from "../limits.ts";
import type { Notice } from "../model.ts";

/** The gap of one call. */
export interface ProgressGap {
  /** A progress notice of the call was written. */
  begin(): void;
  /** Runs at once when no progress was written lately, else when the gap is over. */
  after(run: () => void): void;
  /** Runs nothing more. */
  close(): void;
}

/** Makes the gap of a call that has reported nothing yet. */
export function createProgressGap(
  clock: Clock,
  { progressGapMs }: Pick<Limits, "progressGapMs">,
): ProgressGap {
  let writtenAt = -Infinity;
  let cancelTimer: (() => void) | undefined;
  let waiting = (): void => {};
  const arm = (ms: number): void => {
    cancelTimer = clock.after(ms, () => {
      cancelTimer = undefined;
      const restMs = writtenAt + progressGapMs - clock.monotonic();
      if (restMs > 0) arm(restMs);
      else waiting();
    });
  };
  return {
    begin() {
      // One timer serves a burst of progress: when it fires, it is set again for the rest.
      writtenAt = clock.monotonic();
      if (cancelTimer === undefined) arm(progressGapMs);
    },
    after(run) {
      if (cancelTimer === undefined) run();
      else waiting = run;
    },
    close() {
      cancelTimer?.();
      waiting = () => {};
    },
  };
}

/** Whether a notice needs a gap after it. */
export function isProgress({ method }: Pick<Notice, "method">): boolean {
  return method === "notifications/progress";
}
