/**
 * A token bucket: it holds the calls of one minute and fills evenly, so that a client may make them
 * in a burst, and then one after the other. It reads no clock.
 */
import { msPerMinute } from "../limits.ts";

/** The bucket of one principal. */
export interface TokenBucket {
  /**
   * Takes a token at a monotonic time. Zero if there was one; else the time until there is one, in
   * whole milliseconds, and nothing is taken.
   */
  take(perMinute: number, now: number): number;
  /** So many tokens are left, or owed: others took some. */
  set(tokens: number, now: number): void;
  /** Whether it has all its tokens, so that a new one would be the same. */
  isFull(now: number): boolean;
}

/** Makes a full bucket. Its rate may change between two calls. */
export function createTokenBucket(first: number, begun: number): TokenBucket {
  let max = first;
  /** In parts of a token, of which each millisecond adds as many as the rate: whole numbers. */
  let parts = first * msPerMinute;
  let at = begun;
  const fill = (now: number): void => {
    parts = Math.min(max * msPerMinute, parts + Math.max(0, now - at) * max);
    at = now;
  };
  return {
    take(perMinute, now) {
      fill(now);
      if (perMinute !== max) {
        // A bucket that was full stays full, and one that was empty stays empty.
        parts *= perMinute / max;
        max = perMinute;
      }
      if (parts >= msPerMinute) {
        parts -= msPerMinute;
        return 0;
      }
      return Math.max(1, Math.ceil((msPerMinute - parts) / max));
    },
    set(tokens, now) {
      parts = Math.min(max, tokens) * msPerMinute;
      at = now;
    },
    isFull(now) {
      fill(now);
      return parts >= max * msPerMinute;
    },
  };
}
