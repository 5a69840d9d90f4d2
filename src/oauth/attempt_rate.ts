/**
 * How often something may be tried with one key, such as a name or an address: so many times in a
 * row, then one more after each refill. Waiting earns attempts back; nothing locks a key for good,
 * because another person could do that to its owner.
 */
import { putWithin } from "../bounded.ts";
import type { Clock } from "../clock.ts";

/** The attempts of all keys of one kind. */
export interface AttemptRate {
  /** Takes one attempt: 0, or the milliseconds until there is one; then nothing was taken. */
  take(key: string): number;
  /** Gives attempts back, after one that succeeded. */
  forgive(key: string): void;
}

/** How many, how fast they come back, and how many keys are counted; the oldest gives way. */
export interface AttemptRateOptions {
  readonly clock: Pick<Clock, "monotonic">;
  readonly attemptsMax: number;
  readonly refillMs: number;
  readonly keysMax: number;
}

/** Makes the rate with all attempts left. */
export function createAttemptRate(
  { clock, attemptsMax, refillMs, keysMax }: AttemptRateOptions,
): AttemptRate {
  /** When all attempts of a key are back. */
  const fullAt = new Map<string, number>();
  return {
    take(key) {
      const now = clock.monotonic();
      const next = Math.max(now, fullAt.get(key) ?? now) + refillMs;
      const waitMs = next - now - attemptsMax * refillMs;
      if (waitMs > 0) return waitMs;
      putWithin(fullAt, key, next, keysMax);
      return 0;
    },
    forgive: (key) => void fullAt.delete(key),
  };
}
