/**
 * Places for new sessions. Each consumer has a share of them, and a few are kept for consumers that
 * have none. When all are taken, sessions that were never used after their handshake give way, those
 * of the greediest consumer first, then sessions of greedier consumers that are idle. On loopback,
 * where clients do not authenticate, a session that was used is a consumer of its own, so it never
 * gives way; those that were not used are all of one consumer. Not here: the sessions themselves (session_table.ts).
 */
import { putWithin } from "../../bounded.ts";
import { hasShare, principalIdOf } from "../../consumers.ts";
import { GatewayError } from "../../errors.ts";
import { placesFor } from "../../client_shares.ts";
import type { RequestContext } from "../request_context.ts";
import type { LegacyDeps } from "./live_session.ts";
import type { Sessions } from "./session_table.ts";

/** Who opens a session. */
type Opener = Pick<RequestContext, "principal" | "consumer">;

/**
 * Reserves a place for a new session. Rejects with `session_limit` if all are taken, or with
 * `rate_limited` if the client has its share; the returned function frees it.
 */
export async function reserve(sessions: Sessions, opener: Opener): Promise<() => void> {
  const { deps } = sessions;
  const { consumer } = opener;
  // Both precede the count, so that a session which opens meanwhile is reserved or already stored.
  const others = sessions.reserved;
  sessions.reserved += 1;
  let isHeld = true;
  let freeShare = (): void => {};
  const free = (): void => {
    if (isHeld) sessions.reserved -= 1;
    isHeld = false;
    freeShare();
  };
  try {
    freeShare = await deps.rates.openSession(opener, {
      count: () => deps.sessions.countOf(consumer),
      roomInMs: () => roomInMs(sessions, consumer),
    });
    const own = await deps.sessions.countOf(consumer);
    const held = hasShare(consumer) ? own : 0;
    const count = await deps.sessions.count() + others;
    if (count < placesFor(held, deps.limits.sessionsMax)) return free;
    if (await makeRoom(deps, consumer, own)) return free;
    const retryAfterMs = await roomInMs(sessions, undefined);
    throw new GatewayError("session_limit", undefined, { data: { retryAfterMs } });
  } catch (thrown) {
    free();
    throw thrown;
  }
}

/** Ends a session that gives way to one of a consumer, which has `own`; false if there is none. */
async function makeRoom(
  { sessions, bus, activity, limits, emit }: LegacyDeps,
  consumer: string,
  own: number,
): Promise<boolean> {
  const now = activity.now();
  const greediest = await sessions.greediest(limits.greediestMax);
  const end = (key: string, holder: string): true => {
    emit({ type: "gave_way", what: "session", principal: principalIdOf(holder) });
    bus.publish("sessionEnded", { key, reason: "it gave way to another session" });
    return true;
  };
  for (const one of greediest) {
    // The last session of a consumer stays; on loopback they may be many consumers' sessions.
    if (await sessions.countOf(one) < 2 && one !== consumer) continue;
    const key = await sessions.giveWay(one, "unused", now - limits.freshSessionMs);
    if (key !== undefined) return end(key, one);
  }
  for (const one of greediest) {
    if (!hasShare(one) || await sessions.countOf(one) <= own + 1) continue;
    const key = await sessions.giveWay(one, "every", now - limits.sessionYieldMs);
    if (key !== undefined) return end(key, one);
  }
  return false;
}

/**
 * In how many milliseconds a session of a consumer, or of any, has expired at the latest. The answer
 * is remembered until then, since a search reads all sessions.
 */
async function roomInMs(
  { deps, roomAt }: Sessions,
  consumer: string | undefined,
): Promise<number> {
  const { sessions, activity, sessionTimeoutMs, limits } = deps;
  const now = activity.now();
  const known = roomAt.get(consumer);
  if (known !== undefined && known > now) return known - now;
  const { used, unused } = await sessions.earliest(consumer);
  const unusedMs = Math.min(sessionTimeoutMs, limits.unusedSessionMs) + limits.expirySweepMs;
  const ends = [
    // A session that is due leaves with the next sweep.
    ...(used === undefined ? [] : [used + sessionTimeoutMs + limits.expirySweepMs]),
    // Where the sessions of all are too many, it gives way before it expires.
    ...(unused === undefined
      ? []
      : [unused + (consumer === undefined ? limits.freshSessionMs : unusedMs)]),
  ];
  const at = ends.length === 0 ? now + limits.expirySweepMs : Math.max(now + 1, Math.min(...ends));
  putWithin(roomAt, consumer, at, limits.ratedPrincipalsMax);
  return at - now;
}
