/**
 * The rate of requests to a service, for all clients together: at most so many in any period of
 * this length, and none while the service asks for a pause (case F6). Early calls wait in a queue,
 * and the waiting scopes take turns: a scope with a hundred calls delays another scope by one turn,
 * not by a hundred. A call that would wait too long fails with a time to retry. Not here: retries
 * of one request, each of which asks here again.
 */
import type { Clock } from "../../clock.ts";
import { GatewayError } from "../../errors.ts";
import type { Limits } from "../../limits.ts";
import { readRetryAfter } from "../../outgoing/retry.ts";

/** The allowed rate. */
export interface RateLimit {
  /**
   * Resolves when one request may be sent. Rejects with `overloaded`, whose data says when to
   * retry.
   */
  admit(signal: AbortSignal, scope: string): Promise<void>;
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
  const line = createLine<Waiter>();
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
  const wait = (signal: AbortSignal, scope: string): Promise<void> =>
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
      line.add(scope, waiter);
      serve();
    });

  return {
    async admit(signal, scope) {
      if (signal.aborted) throw toRefusal(line.size());
      const ahead = line.ahead(scope);
      if (toTime(ahead) - clock.monotonic() > waitMsMax) throw toRefusal(ahead);
      if (line.size() >= limits.restWaitingMax) {
        // The scope with most of the places makes room.
        const last = line.lastOfLongest(scope);
        if (last === undefined) throw toRefusal(line.size());
        last.refuse();
      }
      await wait(signal, scope);
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

/** The waiting calls, by scope; the scopes take turns. */
function createLine<Item>() {
  /** The scope whose turn is next comes first; none is empty. */
  const queues = new Map<string, Item[]>();
  let size = 0;

  const keep = (scope: string, items: Item[]) => {
    if (items.length === 0) queues.delete(scope);
    else queues.set(scope, items);
  };
  const removeWhere = (isGone: (item: Item) => boolean): Item[] => {
    const gone = [...queues.values()].flat().filter(isGone);
    for (const [scope, items] of [...queues]) keep(scope, items.filter((one) => !isGone(one)));
    size -= gone.length;
    return gone;
  };
  return {
    size: () => size,
    add(scope: string, item: Item) {
      keep(scope, [...queues.get(scope) ?? [], item]);
      size += 1;
    },
    /** Takes the next call out. */
    next(): Item | undefined {
      const [first] = queues;
      if (first === undefined) return undefined;
      const [scope, [item, ...others]] = first;
      queues.delete(scope);
      keep(scope, others);
      size -= 1;
      return item;
    },
    /** How many calls go before one more of this scope, at most. */
    ahead(scope: string): number {
      const own = queues.get(scope)?.length ?? 0;
      return [...queues].reduce(
        (sum, [name, items]) => sum + (name === scope ? own : Math.min(items.length, own + 1)),
        0,
      );
    },
    /**
     * Takes out the last call of the longest queue, if that queue is longer than this scope's would
     * be.
     */
    lastOfLongest(scope: string): Item | undefined {
      const own = queues.get(scope)?.length ?? 0;
      const [longest] = [...queues].sort(([, one], [, other]) => other.length - one.length);
      if (longest === undefined || longest[1].length <= own + 1) return undefined;
      const last = longest[1].at(-1);
      removeWhere((one) => one === last);
      return last;
    },
    removeWhere,
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
