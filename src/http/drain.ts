/**
 * The time between the signal to stop and the end: the gateway takes no new work, and running calls
 * may finish. Their clients may still answer questions or end their sessions.
 */
import { type Clock, sleep } from "../clock.ts";
import type { Gateway } from "../gateway/surface.ts";
import type { Limits } from "../limits.ts";
import type { Sessions } from "./legacy/session_table.ts";
import type { StatelessRequests } from "./modern/requests.ts";

/** What the end of a stop is seen by. */
export interface Draining {
  readonly clock: Clock;
  readonly limits: Pick<Limits, "drainCheckMs">;
  readonly gateway: Pick<Gateway, "load">;
}

/**
 * Resolves when no call or handshake is under way and no call waits for its client's answers, or
 * `givenUp` aborts.
 */
export async function untilQuiet(
  { clock, limits, gateway }: Draining,
  sessions: Sessions,
  stateless: StatelessRequests,
  givenUp: AbortSignal,
): Promise<void> {
  const isQuiet = () => areQuiet(sessions, stateless) && gateway.load().parked === 0;
  while (!givenUp.aborted && !isQuiet()) {
    await sleep(clock, limits.drainCheckMs, givenUp);
  }
}

function areQuiet({ reserved, byKey }: Sessions, { calls }: StatelessRequests): boolean {
  return reserved === 0 && calls.size === 0 &&
    byKey.values().every((session) => session.callCount === 0);
}
