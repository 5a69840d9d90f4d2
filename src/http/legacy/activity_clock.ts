/**
 * The clock that decides when sessions are idle. It advances with the monotonic clock, so a jump of
 * the wall clock neither ends nor prolongs a session. It shows wall time, so a stored session keeps
 * its age across a restart. After a jump the timestamps of all sessions move with the wall clock. A
 * store of several instances has a time of its own, which no machine's clock changes.
 */
import type { Clock } from "../../clock.ts";
import type { Limits } from "../../limits.ts";

/** The time of what happens in sessions, in milliseconds since 1970. */
export interface ActivityClock {
  now(): number;
  /** How far the wall clock has jumped; 0 if it has not. */
  jump(): number;
  /** Follows a jump; the caller must move earlier timestamps by as much. */
  follow(ms: number): void;
}

/** Starts at the time of the store of sessions, or else at the wall clock's. */
export function createActivityClock(
  clock: Clock,
  { clockJumpMs }: Pick<Limits, "clockJumpMs">,
  stored?: number,
): ActivityClock {
  let origin = stored ?? clock.wall() - clock.monotonic();
  return {
    now: () => Math.round(origin + clock.monotonic()),
    jump() {
      if (stored !== undefined) return 0;
      const ms = Math.round(clock.wall() - clock.monotonic() - origin);
      return Math.abs(ms) < clockJumpMs ? 0 : ms;
    },
    follow: (ms) => void (origin += ms),
  };
}
