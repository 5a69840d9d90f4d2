/**
 * What each principal has open, and how fast it calls: its sessions and its stateless calls count
 * together. A principal that exceeds a rate gets `rate_limited` with the time after which a retry
 * can succeed. Clients that do not authenticate are not one principal: only rates that the
 * configuration names apply to them. Not here: the limits of all principals together.
 */
import type { Clock } from "../clock.ts";
import { GatewayError } from "../errors.ts";
import { type Limits, msPerSecond } from "../limits.ts";
import type { Principal } from "../model.ts";
import { isReserved, standsForOne } from "../principals.ts";
import type { Rate } from "../telemetry/access_events.ts";
import type { Emit } from "../telemetry/events.ts";
import type { RatesOf } from "./access_rates.ts";
import { createTokenBucket, type TokenBucket } from "./token_bucket.ts";

/** The rates of all principals of one gateway. */
export interface PrincipalRates {
  /**
   * Counts a call until the returned function is called; undefined if this principal's calls are
   * not counted. Throws `rate_limited`.
   */
  beginCall(principal: Principal): (() => void) | undefined;
  /** Counts a request that opens a session or a stream. Throws `rate_limited`. */
  takeRequest(principal: Principal): void;
  /**
   * Counts a session that is not stored yet until the returned function is called; `stored` counts
   * those that are. Rejects with `rate_limited`, or as `stored` does.
   */
  openSession(principal: Principal, stored: () => Promise<number>): Promise<() => void>;
  /** Counts an event stream until the returned function is called. Throws `rate_limited`. */
  openStream(principal: Principal): () => void;
  /**
   * Reports that a principal exceeds a limit that is kept elsewhere; returns the error, whose text
   * names the limit. Without a time, the error has that of the error table.
   */
  refuse(principal: Principal, rate: Rate, text: string, retryAfterMs?: number): GatewayError;
}

/** What they are made from. */
export interface PrincipalRatesOptions {
  readonly ratesOf: RatesOf;
  readonly clock: Clock;
  readonly limits: Pick<
    Limits,
    | "principalCallsMax"
    | "principalSessionsMax"
    | "principalStreamsMax"
    | "ratedPrincipalsMax"
    | "rateLogMs"
    | "expirySweepMs"
    | "heartbeatMs"
  >;
  readonly emit: Emit;
}

/** What one principal has open, and its bucket if it has a rate. */
interface Usage {
  calls: number;
  readonly endCall: () => void;
  sessions: number;
  streams: number;
  bucket: TokenBucket | undefined;
  /** When a refusal by each rate was reported last. */
  readonly reported: Map<Rate, number>;
}

/** All principals. */
interface Rates {
  readonly options: PrincipalRatesOptions;
  readonly usages: Map<string, Usage>;
  /** If there are more usages than this, those at rest leave. */
  crowdedAbove: number;
}

/** Makes the rates of a gateway; nothing is open. */
export function createPrincipalRates(options: PrincipalRatesOptions): PrincipalRates {
  const { limits } = options;
  const rates: Rates = { options, usages: new Map(), crowdedAbove: limits.ratedPrincipalsMax };
  return {
    beginCall: (principal) => beginCall(rates, principal),
    takeRequest(principal) {
      if (!isReserved(principal)) takeToken(rates, principal);
    },
    openSession: (principal, stored) => openSession(rates, principal, stored),
    openStream(principal) {
      if (isReserved(principal)) return nothing;
      const usage = usageOf(rates, principal);
      const max = limits.principalStreamsMax;
      if (standsForOne(principal) && usage.streams >= max) {
        const text = `Too many streams: this client has ${max} open; close one, or retry later`;
        // By then, streams without a reader are noticed.
        throw refuse(rates, principal, "streams", text, limits.heartbeatMs);
      }
      return open(usage, "streams");
    },
    refuse: (principal, rate, text, retryAfterMs) =>
      refuse(rates, principal, rate, text, retryAfterMs),
  };
}

const nothing = (): void => {};

function beginCall(rates: Rates, principal: Principal): (() => void) | undefined {
  if (isReserved(principal)) return undefined;
  const { ratesOf, limits } = rates.options;
  const isOne = standsForOne(principal);
  const { callsPerMinute, callsAtOnce = isOne ? limits.principalCallsMax : undefined } = ratesOf(
    principal,
  );
  if (callsPerMinute === undefined && callsAtOnce === undefined) return undefined;
  const usage = usageOf(rates, principal);
  if (callsAtOnce !== undefined && usage.calls >= callsAtOnce) {
    const text = `Too many calls at once: at most ${callsAtOnce} may run; retry later`;
    throw refuse(rates, principal, "calls_at_once", text);
  }
  takeToken(rates, principal);
  usage.calls += 1;
  return usage.endCall;
}

async function openSession(
  rates: Rates,
  principal: Principal,
  stored: () => Promise<number>,
): Promise<() => void> {
  // Clients that do not authenticate have no share, which spares them the count.
  if (!standsForOne(principal)) return nothing;
  const { principalSessionsMax: max, expirySweepMs } = rates.options.limits;
  const usage = usageOf(rates, principal);
  // Both precede the count, so that a session which opens meanwhile is here or already stored.
  const others = usage.sessions;
  const close = open(usage, "sessions");
  try {
    if (await stored() + others < max) return close;
    const text = `Too many sessions: this client has ${max}; end one, or retry later`;
    // By then, sessions that are due have expired.
    throw refuse(rates, principal, "sessions", text, expirySweepMs);
  } catch (thrown) {
    close();
    throw thrown;
  }
}

/** Takes a token of a principal's bucket, if the configuration gives it a rate. */
function takeToken(rates: Rates, principal: Principal): void {
  const { ratesOf, clock } = rates.options;
  const { callsPerMinute } = ratesOf(principal);
  if (callsPerMinute === undefined) return;
  const now = clock.monotonic();
  const usage = usageOf(rates, principal);
  usage.bucket ??= createTokenBucket(callsPerMinute, now);
  const waitMs = usage.bucket.take(callsPerMinute, now);
  if (waitMs === 0) return;
  const seconds = Math.ceil(waitMs / msPerSecond);
  const text = `Too many requests: at most ${callsPerMinute} a minute; retry in ${seconds} s`;
  throw refuse(rates, principal, "calls_per_minute", text, waitMs);
}

function open(usage: Usage, what: "sessions" | "streams"): () => void {
  usage[what] += 1;
  let isOpen = true;
  return () => {
    if (isOpen) usage[what] -= 1;
    isOpen = false;
  };
}

function usageOf(rates: Rates, { id }: Principal): Usage {
  const known = rates.usages.get(id);
  if (known !== undefined) return known;
  if (rates.usages.size >= rates.crowdedAbove) forgetResting(rates);
  const usage: Usage = {
    calls: 0,
    endCall: () => void (usage.calls -= 1),
    sessions: 0,
    streams: 0,
    bucket: undefined,
    reported: new Map(),
  };
  rates.usages.set(id, usage);
  return usage;
}

/** Forgets the principals that have nothing open and would begin with the same bucket. */
function forgetResting(rates: Rates): void {
  const { usages, options: { clock, limits: { ratedPrincipalsMax } } } = rates;
  const now = clock.monotonic();
  for (const [id, { calls, sessions, streams, bucket }] of usages) {
    if (calls + sessions + streams === 0 && bucket?.isFull(now) !== false) usages.delete(id);
  }
  // One search makes room for many.
  rates.crowdedAbove = Math.max(ratedPrincipalsMax, Math.ceil(usages.size * 1.1));
}

function refuse(
  rates: Rates,
  principal: Principal,
  rate: Rate,
  text: string,
  retryAfterMs?: number,
): GatewayError {
  const { clock, limits: { rateLogMs }, emit } = rates.options;
  const { reported } = usageOf(rates, principal);
  const now = clock.monotonic();
  const isRepeated = now - (reported.get(rate) ?? -Infinity) < rateLogMs;
  if (!isRepeated) reported.set(rate, now);
  emit({ type: "rate_limited", principal: principal.id, rate, retryAfterMs, isRepeated });
  const data = retryAfterMs === undefined ? {} : { data: { retryAfterMs } };
  return new GatewayError("rate_limited", text, data);
}
