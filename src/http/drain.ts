/**
 * The time between the signal to stop and the end: the gateway takes no new work, and running calls
 * may finish. Their clients may still answer questions or end their sessions.
 */
import { type Clock, sleep } from "../clock.ts";
import type { Limits } from "../limits.ts";
import type { Sessions } from "./legacy/session_table.ts";
import type { StatelessRequests } from "./modern/requests.ts";

/** Resolves when no call or handshake is under way, or `given up` aborts. */
export async function untilQuiet(
  { clock, limits }: { readonly clock: Clock; readonly limits: Pick<Limits, "drainCheckMs"> },
  sessions: Sessions,
  stateless: StatelessRequests,
  givenUp: AbortSignal,
): Promise<void> {
  while (!givenUp.aborted && !isQuiet(sessions, stateless)) {
    await sleep(clock, limits.drainCheckMs, givenUp);
  }
}

function isQuiet({ reserved, byKey }: Sessions, { calls }: StatelessRequests): boolean {
  return reserved === 0 && calls.size === 0 &&
    byKey.values().every((session) => session.callCount === 0);
}
