/**
 * The time limits of one call: a limit without any sign of life, which each sign restarts, and a
 * limit over all. Both stand still while the call is held (an ask is open). One timer is armed and
 * checked lazily, so that a flood of signs costs nothing.
 */
import type { Clock } from "../../clock.ts";

/** The running clock of a call. */
export interface CallTimeout {
  /** A sign of life. */
  touch(): void;
  /** Stands still until `resume`. */
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
    /** When there was a sign of life that all calls of a server share. */
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
