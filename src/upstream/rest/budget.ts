/**
 * The requests that a service may be sent, by all clients together: never more than so many in any
 * stretch of so long, and none while the service itself asks to wait (hostile case F6). Who comes too
 * early waits in line, unless the line is full or would take longer than a call may; then the answer
 * is when to come back. Not here: retries of one request, each of which asks here again.
 */
import { type Clock, pause } from "../../clock.ts";
import { GatewayError } from "../../errors.ts";
import type { Limits } from "../../limits.ts";
import { readRetryAfter } from "../../outgoing/retry.ts";

/** What may be sent. */
export interface RequestBudget {
  /** Resolves when one request may be sent. Rejects with `overloaded`, whose data says when. */
  admit(signal: AbortSignal): Promise<void>;
  /** An answer that may ask to wait. */
  heard(status: number, headers: Headers): void;
}

/** What a budget is made from. */
export interface RequestBudgetOptions {
  /** Absent: only what the service asks for counts. */
  readonly budget: { readonly requests: number; readonly perMs: number } | undefined;
  /** The longest that a call can wait. */
  readonly waitMsMax: number;
  readonly limits: Pick<Limits, "restWaitingMax" | "restSendingsMax" | "retryAfterMsMax">;
  readonly clock: Clock;
}

/** Makes the budget of one service. */
export function createRequestBudget(
  { budget, waitMsMax, limits, clock }: RequestBudgetOptions,
): RequestBudget {
  const { requests, perMs } = toWindow(budget, limits.restSendingsMax);
  /** When the last ones were sent, or are going to be, earliest first. */
  let sendings: number[] = [];
  let closedUntil = -Infinity;
  let waiting = 0;

  /** The earliest time for one more. */
  const toTime = (now: number): number => {
    const before = sendings.at(-requests);
    return Math.max(now, closedUntil, before === undefined ? -Infinity : before + perMs);
  };
  const refuse = (waitMs = toTime(clock.monotonic()) - clock.monotonic()) =>
    new GatewayError("overloaded", undefined, { data: { retryAfterMs: Math.ceil(waitMs) } });

  /** A time of its own for one more; the line is in the order of these times. */
  const reserve = (waitsAtMost: number): number => {
    const now = clock.monotonic();
    const time = toTime(now);
    if (time - now > waitsAtMost) throw refuse(time - now);
    sendings = sendings.filter((one) => one > now - perMs);
    sendings.push(time);
    return time;
  };
  const giveBack = (time: number) => {
    const at = sendings.lastIndexOf(time);
    if (at !== -1) sendings.splice(at, 1);
  };

  return {
    async admit(signal) {
      const end = clock.monotonic() + waitMsMax;
      if (waiting >= limits.restWaitingMax) throw refuse();
      waiting += 1;
      try {
        for (;;) {
          const time = reserve(end - clock.monotonic());
          const waitMs = time - clock.monotonic();
          if (waitMs <= 0) return;
          await pause(clock, waitMs, signal);
          if (signal.aborted) {
            giveBack(time);
            throw refuse();
          }
          if (clock.monotonic() >= closedUntil) return;
          // The service asked to wait meanwhile: this time is void.
          giveBack(time);
        }
      } finally {
        waiting -= 1;
      }
    },
    heard(status, headers) {
      if (status !== 429 && status !== 503) return;
      const asked = readRetryAfter(headers, clock);
      if (asked === undefined) return;
      const until = clock.monotonic() + Math.min(asked, limits.retryAfterMsMax);
      closedUntil = Math.max(closedUntil, until);
    },
  };
}

/** A budget in numbers that can be remembered: fewer requests in a time that is as much shorter. */
function toWindow(budget: RequestBudgetOptions["budget"], requestsMax: number) {
  if (budget === undefined) return { requests: 1, perMs: 0 };
  const { requests, perMs } = budget;
  return requests <= requestsMax
    ? { requests, perMs }
    : { requests: requestsMax, perMs: perMs * requestsMax / requests };
}
