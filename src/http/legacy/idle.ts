/**
 * Decides which sessions can leave memory: those without running calls or open streams whose
 * pending messages are all stored. They are loaded again when their clients return.
 */
import type { Limits } from "../../limits.ts";
import { isBusy, type LiveSession } from "./live_session.ts";

/** Up to `count` sessions that can leave, the longest unused first. */
export function idlestOf(
  sessions: Iterable<LiveSession>,
  count: number,
  now: number,
): LiveSession[] {
  const idle = [...sessions].filter((session) => canLeave(session, now));
  return idle.sort((one, other) => one.activeAt - other.activeAt).slice(0, count);
}

function canLeave(session: LiveSession, now: number): boolean {
  const { madeStreams, askCount, subscriptionCount, activeAt, deps: { limits } } = session;
  return !isBusy(session) &&
    now - activeAt >= quietMsOf(madeStreams?.hasLog === true, limits) &&
    (madeStreams === undefined || madeStreams.standalone.queued.length === 0) &&
    askCount === 0 && subscriptionCount === 0;
}

/**
 * A request may have just found its session, and a client may come back for messages that it
 * missed.
 */
function quietMsOf(hasLog: boolean, limits: Limits): number {
  return hasLog ? limits.replayAgeMs : limits.activityFlushMs;
}
