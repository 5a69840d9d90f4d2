/**
 * The time limits of one call: one for silence, which each message restarts, and one for the whole
 * call. Both pause while an ask is open. One timer is checked lazily, so a flood of messages costs
 * nothing.
 */
import type { Clock } from "../../clock.ts";

/** The running clock of a call. */
export interface CallTimeout {
  /** A sign of life. */
  touch(): void;
  /** Pauses until `resume`. */
  hold(): void;
  resume(): void;
  stop(): void;
}

/** Starts a call's clock; `expired` is called at most once. */
export function startCallTimeout(
  clock: Clock,
  limits: {
    readonly quietMs: number;
    readonly totalMs: number;
    /** The time of the last message that counts for all calls of the server. */
    readonly heardAt?: () => number;
  },
  expired: () => void,
): CallTimeout {
  let quietEnd = clock.monotonic() + limits.quietMs;
  let totalEnd = clock.monotonic() + limits.totalMs;
  let heldSince: number | undefined;
  let stopped = false;
  let cancelTimer = () => {};

  const end = (): number => {
    const shared = (limits.heardAt?.() ?? -Infinity) + limits.quietMs;
    return Math.min(Math.max(quietEnd, shared), totalEnd);
  };
  const arm = (): void => {
    cancelTimer = clock.after(Math.max(0, end() - clock.monotonic()), () => {
      if (clock.monotonic() < end()) arm();
      else expired();
    });
  };
  arm();
  return {
    touch() {
      quietEnd = clock.monotonic() + limits.quietMs;
    },
    hold() {
      heldSince ??= clock.monotonic();
      cancelTimer();
    },
    resume() {
      if (heldSince === undefined || stopped) return;
      totalEnd += clock.monotonic() - heldSince;
      quietEnd = clock.monotonic() + limits.quietMs;
      heldSince = undefined;
      arm();
    },
    stop() {
      cancelTimer();
      stopped = true;
    },
  };
}
