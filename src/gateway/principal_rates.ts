/**
 * What each consumer has open, and how fast each principal calls: sessions and stateless calls count
 * together. What exceeds a share or a rate gets `rate_limited` with the time after which a retry can
 * succeed. A principal is one consumer; the rates that the configuration names for clients that do
 * not authenticate apply to all of them together. Not here: who is a consumer (consumers.ts).
 */
import type { Clock } from "../clock.ts";
import { consumerOf, hasShare, principalIdOf } from "../consumers.ts";
import { GatewayError } from "../errors.ts";
import { type Limits, msPerSecond } from "../limits.ts";
import { anonymousPrincipal, type Caller, type Principal } from "../model.ts";
import { isReserved, standsForOne } from "../principals.ts";
import type { Rate } from "../telemetry/access_events.ts";
import type { Emit } from "../telemetry/events.ts";
import type { RateTable } from "../rate_table.ts";
import type { RatesOf } from "./access_rates.ts";
import { createStreamPlaces, type EventStreamPlace, type StreamPlaces } from "./stream_places.ts";
import { type ConsumerUsage, type ConsumerUsages, createUsages } from "./principal_usage.ts";
import { createSharedRate, type SharedRate } from "./shared_rate.ts";
import { createTokenBucket } from "./token_bucket.ts";

/** Who takes a share: a caller, or the request of one. */
export type ShareTaker = Pick<Caller, "principal" | "consumer">;

/** The sessions of a consumer in the store. */
export interface StoredSessions {
  count(): Promise<number>;
  /** After how many milliseconds one of them has expired, at the latest. */
  roomInMs(): Promise<number>;
}

/** The rates of all principals of one gateway, and the shares of all consumers. */
export interface PrincipalRates {
  /**
   * Counts a call until the returned function is called; undefined if this client's calls are not
   * counted. Throws `rate_limited`.
   */
  beginCall(taker: ShareTaker): (() => void) | undefined;
  /** Counts a request that opens a session or a stream. Throws `rate_limited`. */
  takeRequest(principal: Principal): void;
  /**
   * Counts a session that is not stored yet until the returned function is called. Rejects with
   * `rate_limited`, or as `stored` does.
   */
  openSession(taker: ShareTaker, stored: StoredSessions): Promise<() => void>;
  /**
   * Counts an event stream until it leaves its place; one of the consumer with most may have to give
   * way to it. Throws `rate_limited`, or `overloaded` if all consumers together have too many.
   */
  openStream(taker: ShareTaker): EventStreamPlace;
  /** Reports that a consumer exceeds a limit that is kept elsewhere, and was refused. */
  report(taker: ShareTaker, rate: Rate, retryAfterMs?: number): void;
  /**
   * Reports that a consumer exceeds a limit that is kept elsewhere; returns the error, whose text
   * names the limit. Without a time, the error has that of the error table.
   */
  refuse(taker: ShareTaker, rate: Rate, text: string, retryAfterMs?: number): GatewayError;
}

/** What they are made from. */
export interface PrincipalRatesOptions {
  readonly ratesOf: RatesOf;
  /** What the other instances know of principals with rates; undefined: there is no other one. */
  readonly table?: RateTable | undefined;
  readonly clock: Clock;
  readonly limits: Pick<
    Limits,
    | "principalCallsMax"
    | "principalSessionsMax"
    | "principalStreamsMax"
    | "streamsMax"
    | "ratedPrincipalsMax"
    | "rateLogMs"
    | "rateReportMs"
    | "rateOpenReportMs"
    | "heartbeatMs"
  >;
  readonly emit: Emit;
}

/** All principals. */
interface Rates {
  readonly options: PrincipalRatesOptions;
  readonly usages: ConsumerUsages;
  readonly streams: StreamPlaces;
}

/** Makes the rates of a gateway; nothing is open. */
export function createPrincipalRates(options: PrincipalRatesOptions): PrincipalRates {
  const { limits, emit } = options;
  const rates: Rates = {
    options,
    usages: createUsages(limits.ratedPrincipalsMax),
    streams: createStreamPlaces({
      limits,
      hasShare,
      gaveWay: (consumer) =>
        emit({ type: "gave_way", what: "stream", principal: principalIdOf(consumer) }),
    }),
  };
  return {
    beginCall: (taker) => beginCall(rates, taker),
    takeRequest(principal) {
      if (!isReserved(principal)) takeToken(rates, { principal });
    },
    openSession: (taker, stored) => openSession(rates, taker, stored),
    openStream: (taker) => openStream(rates, taker),
    report: (taker, rate, retryAfterMs) => report(rates, taker, rate, retryAfterMs),
    refuse: (taker, rate, text, retryAfterMs) => refuse(rates, taker, rate, text, retryAfterMs),
  };
}

const nothing = (): void => {};
const noPlace: EventStreamPlace = { leave: nothing, yieldsBy: nothing };

function beginCall(rates: Rates, taker: ShareTaker): (() => void) | undefined {
  const { principal } = taker;
  if (isReserved(principal)) return undefined;
  const { ratesOf, limits } = rates.options;
  const isOne = standsForOne(principal);
  const given = ratesOf(principal);
  const { callsPerMinute, callsAtOnce = isOne ? limits.principalCallsMax : undefined } = given;
  const share = isOne ? undefined : shareOf(rates, taker);
  if (share !== undefined) assertCalls(rates, taker, share, limits.principalCallsMax);
  if (callsPerMinute === undefined && callsAtOnce === undefined) return begin(share);
  const rated = usageOf(rates, ratedOf(taker));
  // The default bounds what one instance does at once, and is no rate of the principal.
  const others = given.callsAtOnce === undefined ? undefined : sharedOf(rates, taker);
  const elsewhere = others?.openElsewhere() ?? 0;
  if (elsewhere > 0 && rated.calls + elsewhere >= (callsAtOnce ?? Infinity)) others?.lookSoon();
  if (callsAtOnce !== undefined) assertCalls(rates, taker, rated, callsAtOnce, elsewhere);
  takeToken(rates, taker);
  const [end, endShare] = [begin(rated), begin(share)];
  others?.changed(given, 0);
  if (endShare === undefined && others === undefined) return end;
  return () => {
    end?.();
    endShare?.();
    others?.changed(given, 0);
  };
}

function assertCalls(
  rates: Rates,
  taker: ShareTaker,
  { calls }: ConsumerUsage,
  max: number,
  elsewhere = 0,
): void {
  if (calls + elsewhere < max) return;
  const text = `Too many calls at once: at most ${max} may run; retry later`;
  throw refuse(rates, taker, "calls_at_once", text);
}

function begin(usage: ConsumerUsage | undefined): (() => void) | undefined {
  if (usage !== undefined) usage.calls += 1;
  return usage?.endCall;
}

function openStream(rates: Rates, taker: ShareTaker): EventStreamPlace {
  if (isReserved(taker.principal)) return noPlace;
  const { streams } = rates;
  // By then, streams without a reader are noticed.
  const retryAfterMs = rates.options.limits.heartbeatMs;
  const consumer = consumerOf(taker);
  const place = streams.take(consumer);
  if (place === "own") {
    const own = streams.countOf(consumer);
    const text = `Too many streams: this client has ${own} open; close one, or retry later`;
    throw refuse(rates, taker, "streams", text, retryAfterMs);
  }
  if (place === "all") {
    const text = `Too many streams: ${streams.size()} are open in all; retry later`;
    throw new GatewayError("overloaded", text, { data: { retryAfterMs } });
  }
  return place;
}

async function openSession(
  rates: Rates,
  taker: ShareTaker,
  stored: StoredSessions,
): Promise<() => void> {
  const usage = isReserved(taker.principal) ? undefined : shareOf(rates, taker);
  // Spares those without a share the count.
  if (usage === undefined) return nothing;
  const { principalSessionsMax: max } = rates.options.limits;
  // Both precede the count, so that a session which opens meanwhile is here or already stored.
  const others = usage.sessions;
  const close = openOne(usage);
  try {
    if (await stored.count() + others < max) return close;
    const text = `Too many sessions: this client has ${max}; end one, or retry later`;
    throw refuse(rates, taker, "sessions", text, await stored.roomInMs());
  } catch (thrown) {
    close();
    throw thrown;
  }
}

/** Takes a token of a principal's bucket, if the configuration gives it a rate. */
function takeToken(rates: Rates, taker: ShareTaker): void {
  const { ratesOf, clock } = rates.options;
  const given = ratesOf(taker.principal);
  const { callsPerMinute } = given;
  if (callsPerMinute === undefined) return;
  const now = clock.monotonic();
  const usage = usageOf(rates, ratedOf(taker));
  usage.bucket ??= createTokenBucket(callsPerMinute, now);
  const waitMs = usage.bucket.take(callsPerMinute, now);
  if (waitMs === 0) return sharedOf(rates, taker)?.changed(given, 1);
  const seconds = Math.ceil(waitMs / msPerSecond);
  const text = `Too many requests: at most ${callsPerMinute} a minute; retry in ${seconds} s`;
  throw refuse(rates, taker, "calls_per_minute", text, waitMs);
}

/** What is shared of a principal's rates; undefined if this instance is the only one. */
function sharedOf(rates: Rates, taker: ShareTaker): SharedRate | undefined {
  const { table, clock, limits } = rates.options;
  if (table === undefined) return undefined;
  const consumer = ratedOf(taker);
  const usage = usageOf(rates, consumer);
  return usage.shared ??= createSharedRate({
    table,
    consumer,
    clock,
    limits,
    calls: () => usage.calls,
    onTokens: (tokens) => usage.bucket?.set(tokens, clock.monotonic()),
  });
}

function openOne(usage: ConsumerUsage): () => void {
  usage.sessions += 1;
  let isOpen = true;
  return () => {
    if (isOpen) usage.sessions -= 1;
    isOpen = false;
  };
}

/** The usage of a consumer that has a share. */
function shareOf(rates: Rates, taker: ShareTaker): ConsumerUsage | undefined {
  const consumer = consumerOf(taker);
  return hasShare(consumer) ? usageOf(rates, consumer) : undefined;
}

/** Those that do not authenticate have the rates of one principal together. */
function ratedOf({ principal }: ShareTaker): string {
  return principal.id === anonymousPrincipal.id ? principal.id : consumerOf({ principal });
}

function usageOf(rates: Rates, consumer: string): ConsumerUsage {
  return rates.usages.of(consumer, rates.options.clock.monotonic());
}

function refuse(
  rates: Rates,
  taker: ShareTaker,
  rate: Rate,
  text: string,
  retryAfterMs?: number,
): GatewayError {
  report(rates, taker, rate, retryAfterMs);
  const data = retryAfterMs === undefined ? {} : { data: { retryAfterMs } };
  return new GatewayError("rate_limited", text, data);
}

function report(rates: Rates, taker: ShareTaker, rate: Rate, retryAfterMs?: number): void {
  const { clock, limits: { rateLogMs }, emit } = rates.options;
  const { reported } = usageOf(rates, consumerOf(taker));
  const now = clock.monotonic();
  const isRepeated = now - (reported.get(rate) ?? -Infinity) < rateLogMs;
  if (!isRepeated) reported.set(rate, now);
  emit({ type: "rate_limited", principal: taker.principal.id, rate, retryAfterMs, isRepeated });
}
