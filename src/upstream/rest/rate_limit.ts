/**
 * The rate of requests to a service, for all clients together: at most so many in any period of
 * this length, and none while the service asks for a pause (case F6). Early calls wait in a queue in
 * which principals take turns, and the scopes of each among themselves (fair_queue.ts). A call that
 * would wait too long fails with a time to retry. Not here: retries of one request, each of which
 * asks here again.
 */
import type { Clock } from "../../clock.ts";
import { GatewayError } from "../../errors.ts";
import { createFairQueue, type OwnerPath } from "../../fair_queue.ts";
import type { Limits } from "../../limits.ts";
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
  { budget, waitMsMax, limits, clock }: RateLimitOptions,
): RateLimit {
  const { requests, perMs } = toWindow(budget, limits.restSendingsMax);
  const line = createFairQueue<Waiter>();
  /** The times of the last requests, earliest first. */
  let sent: number[] = [];
  let closedUntil = -Infinity;
  let stopTimer = () => {};

  /** The time at which one more may be sent after so many others. */
  const toTime = (ahead: number): number => {
    const before = sent.at(ahead % requests - requests) ?? -Infinity;
    const first = Math.max(clock.monotonic(), closedUntil, before + perMs);
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
  /** Releases the calls that may be sent, and comes back for the others. */
  const serve = () => {
    stopTimer();
    while (line.size() > 0 && toTime(0) <= clock.monotonic()) {
      send();
      line.next()?.go();
    }
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
      for (const waiter of line.removeWhere(({ end }) => end < closedUntil)) waiter.refuse();
      serve();
    },
  };
}

/** A rate whose requests can be remembered: fewer requests in a proportionally shorter time. */
function toWindow(budget: RateLimitOptions["budget"], requestsMax: number) {
  if (budget === undefined) return { requests: 1, perMs: 0 };
  const { requests, perMs } = budget;
  return requests <= requestsMax
    ? { requests, perMs }
    : { requests: requestsMax, perMs: perMs * requestsMax / requests };
}
