/**
 * Sessions that go to another instance: given away before this one stops, or lost because another
 * one has taken them. Their records stay in the store, and the next owner opens their connections
 * again. Not here: which instance owns a session (instances/).
 */
import { type Clock, sleep } from "../../clock.ts";
import { GatewayError } from "../../errors.ts";
import type { Limits } from "../../limits.ts";
import { endLiveSession, suspendSession } from "./life.ts";
import type { LiveSession } from "./live_session.ts";
import { closeForNow } from "./session_streams.ts";
import { forget, type Sessions } from "./session_table.ts";

/** Another instance owns a session: what is open here ends, and what became of it is unknown. */
export function loseSession(sessions: Sessions, key: string): void {
  const { deps: { gateway }, byKey, suspended } = sessions;
  if (suspended.delete(key)) gateway.endScope(key);
  const session = byKey.get(key);
  if (session === undefined) return;
  forget(sessions, session);
  const error = new GatewayError("outcome_unknown", lostText, { data: { outcome: "unknown" } });
  endLiveSession(session, "another instance has it now", error);
}

const lostText =
  "Another instance of the gateway has taken the session over while this call ran; " +
  "whether it took effect is unknown";

/**
 * Gives all sessions away, each as soon as no call of it runs. Resolves when there are none, or
 * `givenUp` aborts.
 */
export async function handSessionsOver(
  sessions: Sessions,
  { clock, limits }: { readonly clock: Clock; readonly limits: Pick<Limits, "drainCheckMs"> },
  givenUp: AbortSignal,
): Promise<void> {
  for (;;) {
    await Promise.all(
      [...sessions.byKey.values()].filter(isIdle).map((one) => give(sessions, one)),
    );
    await Promise.all([...sessions.suspended].map((key) => giveSuspended(sessions, key)));
    if (givenUp.aborted || !sessions.byKey.values().some((one) => one.isStored)) return;
    await sleep(clock, limits.drainCheckMs, givenUp);
  }
}

function isIdle({ isStored, callCount, askCount }: LiveSession): boolean {
  return isStored && callCount === 0 && askCount === 0;
}

async function give(sessions: Sessions, session: LiveSession): Promise<void> {
  const { deps: { ownership, events, gateway } } = sessions;
  const { key, madeStreams } = session;
  forget(sessions, session);
  // Its client comes back, and resumes from what is stored then.
  if (madeStreams !== undefined) closeForNow(madeStreams);
  suspendSession(session);
  gateway.endScope(key);
  await ownership?.().release(key, async () => await events?.flush());
}

async function giveSuspended({ deps, suspended }: Sessions, key: string): Promise<void> {
  suspended.delete(key);
  deps.gateway.endScope(key);
  await deps.ownership?.().release(key);
}
