/**
 * The rate of requests to a service, for all clients together: at most so many in any period of
 * this length, and none while the service asks for a pause (case F6). Early calls wait in a queue in
 * which principals take turns, and the scopes of each among themselves (fair_queue.ts). A call that
 * would wait too long fails with a time to retry. With several instances, each request also takes
 * its place in the budget that all of them share; while that cannot be reached, each instance keeps
 * the budget by itself. Not here: retries of one request, each of which
 * asks here again.
 */
import type { Clock } from "../../clock.ts";
import { GatewayError } from "../../errors.ts";
import { createFairQueue, type OwnerPath } from "../../fair_queue.ts";
import type { Limits } from "../../limits.ts";
import type { SharedBudget } from "../deps.ts";
import { readRetryAfter } from "../../outgoing/retry.ts";

/** The allowed rate. */
export interface RateLimit {
  /**
   * Resolves when one request of a scope may be sent; scopes without a principal share one. Rejects
   * with `overloaded`, whose data says when to retry.
   */
  admit(signal: AbortSignal, scope: string, principal?: string): Promise<void>;
  /** How many calls wait. */
  waiting(): number;
  /** An answer that may ask for a pause. */
  heard(status: number, headers: Headers): void;
}

/** What a rate limit is made from. */
export interface RateLimitOptions {
  /** Absent: only pauses that the service asks for count. */
  readonly budget: { readonly requests: number; readonly perMs: number } | undefined;
  /** The same budget at all instances; absent: there is one. */
  readonly shared?: SharedBudget | undefined;
  /** The longest wait of a call here. */
  readonly waitMsMax: number;
  readonly limits: Pick<Limits, "restWaitingMax" | "restSendingsMax" | "retryAfterMsMax">;
  readonly clock: Clock;
}

/** One call in the queue. */
interface Waiter {
  /** The end of its wait (monotonic). */
  readonly end: number;
  go(): void;
  refuse(): void;
}

/** Makes the rate limit of one service. */
export function createRateLimit(
  { budget, shared, waitMsMax, limits, clock }: RateLimitOptions,
): RateLimit {
  const { requests, perMs } = toWindow(budget, limits.restSendingsMax);
  const line = createFairQueue<Waiter>();
  /** The times of the last requests, earliest first. */
  let sent: number[] = [];
  let closedUntil = -Infinity;
  /** When all instances together may send the next one, as far as is known. */
  let sharedAt = -Infinity;
  let isTaking = false;
  let stopTimer = () => {};

  /** The time at which one more may be sent after so many others. */
  const toTime = (ahead: number): number => {
    const before = sent.at(ahead % requests - requests) ?? -Infinity;
    const first = Math.max(clock.monotonic(), closedUntil, sharedAt, before + perMs);
    return first + Math.floor(ahead / requests) * perMs;
  };
  const toRefusal = (ahead: number) => {
    const retryAfterMs = Math.ceil(toTime(ahead) - clock.monotonic());
    return new GatewayError("overloaded", undefined, {
      data: { retryAfterMs, outcome: "not_sent" },
    });
  };
  const send = () => {
    const now = clock.monotonic();
    sent = sent.filter((one) => one > now - perMs);
    sent.push(now);
  };
  /** Releases so many calls at most that may be sent by the budget here. */
  const release = (most: number) => {
    for (let left = most; left > 0 && line.size() > 0 && isOpen(); left -= 1) {
      send();
      line.next()?.go();
    }
  };
  const isOpen = () => toTime(0) <= clock.monotonic();
  /** Takes places for those that wait; never rejects. */
  const takePlaces = async (from: SharedBudget) => {
    isTaking = true;
    const wanted = Math.min(line.size(), requests);
    const { granted, waitMs } = await from.take(wanted)
      .catch(() => ({ granted: wanted, waitMs: 0 }));
    isTaking = false;
    release(granted);
    sharedAt = clock.monotonic() + waitMs;
    for (const waiter of line.removeWhere(({ end }) => end < sharedAt)) waiter.refuse();
    serve();
  };
  /** Releases the calls that may be sent, and comes back for the others. */
  const serve = () => {
    stopTimer();
    if (isTaking) return;
    if (shared === undefined) release(Infinity);
    else if (line.size() > 0 && isOpen()) return void takePlaces(shared);
    if (line.size() === 0) return;
    stopTimer = clock.after(toTime(0) - clock.monotonic(), serve);
  };
  const wait = (signal: AbortSignal, owner: OwnerPath): Promise<void> =>
    new Promise((resolve, reject) => {
      const leave = () => {
        line.removeWhere((one) => one === waiter);
        waiter.refuse();
        serve();
      };
      const waiter: Waiter = {
        end: clock.monotonic() + waitMsMax,
        go() {
          signal.removeEventListener("abort", leave);
          resolve();
        },
        refuse() {
          signal.removeEventListener("abort", leave);
          reject(toRefusal(line.size()));
        },
      };
      signal.addEventListener("abort", leave);
      line.add(owner, waiter);
      serve();
    });

  return {
    waiting: line.size,
    async admit(signal, scope, principal = "") {
      if (signal.aborted) throw toRefusal(line.size());
      const owner = [principal, scope];
      const ahead = line.ahead(owner);
      if (toTime(ahead) - clock.monotonic() > waitMsMax) throw toRefusal(ahead);
      if (line.size() >= limits.restWaitingMax) {
        // Whichever has most of the places makes room.
        const last = line.takeFromLongest(owner);
        if (last === undefined) throw toRefusal(line.size());
        last.refuse();
      }
      await wait(signal, owner);
    },
    heard(status, headers) {
      if (status !== 429 && status !== 503) return;
      const asked = readRetryAfter(headers, clock);
      if (asked === undefined) return;
      const until = clock.monotonic() + Math.min(asked, limits.retryAfterMsMax);
      closedUntil = Math.max(closedUntil, until);
      // The other instances hear of it when they take their next places.
      shared?.pause(closedUntil - clock.monotonic()).catch(() => {});
      for (const waiter of line.removeWhere(({ end }) => end < closedUntil)) waiter.refuse();
      serve();
    },
  };
}

/** A rate whose requests can be remembered: fewer requests in a proportionally shorter time. */
export function toWindow(budget: RateLimitOptions["budget"], requestsMax: number) {
  if (budget === undefined) return { requests: 1, perMs: 0 };
  const { requests, perMs } = budget;
  return requests <= requestsMax
    ? { requests, perMs }
    : { requests: requestsMax, perMs: perMs * requestsMax / requests };
}
