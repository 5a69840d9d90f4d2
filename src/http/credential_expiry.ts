/**
 * Streams that outlive a right. A request is checked when it comes, but a stream lives on: it ends
 * when its credentials expire or are taken away. A call that began before they expired may finish.
 */
import type { Clock } from "../clock.ts";
import type { Limits } from "../limits.ts";
import type { Principal } from "../model.ts";

/** Whether a principal has lost the right to a stream of a surface. */
export type IsLostStream = (surface: string, principal: Principal) => boolean;

const waitsForNothing = (): void => {};

/**
 * Calls `expired` once the credentials have expired: after the time that they had left when they were
 * first seen here, wherever the wall clock jumps to. `latest` is read each time, since a session may
 * have been continued with newer ones. The returned function ends the wait.
 */
export function onExpiry(
  { clock, limits }: { readonly clock: Clock; readonly limits: Pick<Limits, "timerMsMax"> },
  latest: () => Principal,
  expired: () => void,
): () => void {
  // Nothing is kept for the many streams of clients whose credentials do not expire.
  if (latest().expiresAt === undefined) return waitsForNothing;
  let cancelTimer = (): void => {};
  let seen: { readonly expiresAt: number; readonly endsAt: number } | undefined;
  const look = (): void => {
    const { expiresAt } = latest();
    if (expiresAt === undefined) return;
    const now = clock.monotonic();
    if (seen?.expiresAt !== expiresAt) {
      seen = { expiresAt, endsAt: now + expiresAt - clock.wall() };
    }
    const leftMs = seen.endsAt - now;
    if (leftMs <= 0) return expired();
    cancelTimer = clock.after(Math.min(leftMs, limits.timerMsMax), look);
  };
  look();
  return () => cancelTimer();
}
