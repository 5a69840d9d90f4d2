/**
 * What is remembered of each consumer: what it has open, its bucket, and what was reported of it.
 * Those that rest are forgotten when there are too many. Not here: what a consumer may have open
 * (principal_rates.ts).
 */
import type { Rate } from "../telemetry/access_events.ts";
import type { SharedRate } from "./shared_rate.ts";
import type { TokenBucket } from "./token_bucket.ts";

/** What one consumer has open, and its bucket if its principal has a rate. */
export interface ConsumerUsage {
  calls: number;
  readonly endCall: () => void;
  sessions: number;
  bucket: TokenBucket | undefined;
  /** What other instances know of it; undefined: nothing of it is shared. */
  shared: SharedRate | undefined;
  /** When a refusal by each rate was reported last. */
  readonly reported: Map<Rate, number>;
}

/** All consumers. */
export interface ConsumerUsages {
  /** What is known of one; nothing is open of a new one. */
  of(consumer: string, now: number): ConsumerUsage;
}

/** Makes them; above this number, those at rest are forgotten. */
export function createUsages(restingMax: number): ConsumerUsages {
  const usages = new Map<string, ConsumerUsage>();
  let crowdedAbove = restingMax;
  return {
    of(consumer, now) {
      const known = usages.get(consumer);
      if (known !== undefined) return known;
      if (usages.size >= crowdedAbove) {
        forgetResting(usages, now);
        // One search makes room for many.
        crowdedAbove = Math.max(restingMax, Math.ceil(usages.size * 1.1));
      }
      const usage: ConsumerUsage = {
        calls: 0,
        endCall: () => void (usage.calls -= 1),
        sessions: 0,
        bucket: undefined,
        shared: undefined,
        reported: new Map(),
      };
      usages.set(consumer, usage);
      return usage;
    },
  };
}

/** Forgets the consumers that have nothing open and would begin with the same bucket. */
function forgetResting(usages: Map<string, ConsumerUsage>, now: number): void {
  for (const [id, { calls, sessions, bucket }] of usages) {
    if (calls + sessions === 0 && bucket?.isFull(now) !== false) usages.delete(id);
  }
}
