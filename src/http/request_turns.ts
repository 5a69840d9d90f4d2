/**
 * Requests of clients take turns. All requests that reach the listener in one turn of the event
 * loop would otherwise be worked off before the next turn, so a client with a hundred connections
 * would delay another client's request by a hundred of its own. Here a client has a few requests in
 * a turn; its others wait until the event loop has looked for requests of other clients. A request
 * that finds room waits for nothing and sets no timer. Not here: how many requests a client may
 * have in work at the same time (gateway/steps/limit.ts).
 */
import type { Clock } from "../clock.ts";
import { createTurnover, type Turnover } from "../client_shares.ts";
import { GatewayError } from "../errors.ts";
import { createFairQueue, type FairQueue } from "../fair_queue.ts";
import type { Limits } from "../limits.ts";
import type { Runtime } from "../runtime/runtime.ts";

/** The turns of one HTTP layer. */
export interface RequestTurns {
  /**
   * Takes the next place of a consumer: undefined if its request goes on at once, else a promise of
   * its turn. Rejects with `rate_limited` if too many wait and this consumer has most of them, with
   * `overloaded` if its turn does not come in time.
   */
  take(consumer: string): Promise<void> | undefined;
  /** How many requests wait. */
  waiting(): number;
}

/** What the turns are made from. */
export interface RequestTurnsOptions {
  readonly nextTurn: Runtime["nextTurn"];
  readonly clock: Pick<Clock, "monotonic">;
  readonly limits: Pick<
    Limits,
    | "turnRequestsMax"
    | "loneTurnRequestsMax"
    | "loneClientMs"
    | "requestsWaitingMax"
    | "requestTurnMs"
    | "ratedPrincipalsMax"
    | "retryMsMin"
    | "retryMsMax"
  >;
}

/** A request in the queue. */
interface Waiting {
  readonly consumer: string;
  readonly since: number;
  go(): void;
  refuse(error: GatewayError): void;
}

/** The state. */
interface Turns {
  readonly options: RequestTurnsOptions;
  readonly queue: FairQueue<Waiting>;
  /** How fast requests leave the queue. */
  readonly turnover: Turnover;
  /** Requests of each consumer since the turn that `endTurn` last ended. */
  readonly taken: Map<string, number>;
  /** The only consumer whose requests came for a while: it delays no other. */
  lone: string | undefined;
  /** When requests of several consumers came last. */
  crowdedAt: number;
  isEndSet: boolean;
}

/** Makes the turns: nothing waits. */
export function createRequestTurns(options: RequestTurnsOptions): RequestTurns {
  const { clock, limits: { retryMsMin: leastMs, retryMsMax: mostMs } } = options;
  const turns: Turns = {
    options,
    queue: createFairQueue(),
    turnover: createTurnover(clock.monotonic(), { leastMs, mostMs }),
    taken: new Map(),
    lone: undefined,
    crowdedAt: options.clock.monotonic(),
    isEndSet: false,
  };
  return {
    take: (consumer) => take(turns, consumer),
    waiting: () => turns.queue.size(),
  };
}

function take(turns: Turns, consumer: string): Promise<void> | undefined {
  const { options: { clock, limits }, taken } = turns;
  if (consumer !== turns.lone && turns.lone !== undefined) {
    turns.lone = undefined;
    turns.crowdedAt = clock.monotonic();
  }
  const max = consumer === turns.lone ? limits.loneTurnRequestsMax : limits.turnRequestsMax;
  const count = (taken.get(consumer) ?? 0) + 1;
  if (count > max) return wait(turns, consumer);
  if (taken.size >= limits.ratedPrincipalsMax && !turns.isEndSet) taken.clear();
  taken.set(consumer, count);
  // Only a consumer that uses its turn up needs the end of it.
  if (count === max) setEnd(turns);
  return undefined;
}

function wait(turns: Turns, consumer: string): Promise<void> {
  const { options: { clock, limits }, queue } = turns;
  return new Promise((resolve, reject) => {
    const own: Waiting = { consumer, since: clock.monotonic(), go: resolve, refuse: reject };
    if (queue.size() >= limits.requestsWaitingMax) {
      const last = queue.takeFromLongest([consumer]) ?? own;
      last.refuse(refusal(turns, "rate_limited", tooMany, last));
      if (last === own) return;
    }
    queue.add([consumer], own);
    setEnd(turns);
  });
}

const tooMany = "Too many requests of this client wait for their turn";

/** An error that says when the requests before have had their turns. */
function refusal(
  { queue, turnover, options: { clock } }: Turns,
  code: "rate_limited" | "overloaded",
  text: string,
  { consumer }: Waiting,
): GatewayError {
  const retryAfterMs = turnover.waitMs(clock.monotonic(), queue.ahead([consumer]));
  return new GatewayError(code, `${text}; retry later`, { data: { retryAfterMs } });
}

function setEnd(turns: Turns): void {
  if (turns.isEndSet) return;
  turns.isEndSet = true;
  turns.options.nextTurn(() => endTurn(turns));
}

/** Begins the next turn with the requests that wait. */
function endTurn(turns: Turns): void {
  const { options: { clock, limits }, queue, taken, turnover } = turns;
  turns.isEndSet = false;
  const now = clock.monotonic();
  findLone(turns, now);
  taken.clear();
  for (let first = queue.first(); first !== undefined; first = queue.first()) {
    const count = (taken.get(first.consumer) ?? 0) + 1;
    // They take turns in the queue as well, so the others have had as many.
    if (count > limits.turnRequestsMax) return setEnd(turns);
    queue.next();
    turnover.freed(now);
    if (now - first.since > limits.requestTurnMs) {
      first.refuse(refusal(turns, "overloaded", "The request's turn did not come", first));
    } else {
      taken.set(first.consumer, count);
      first.go();
    }
  }
}

/** Notes whether all requests have been those of one consumer for a while. */
function findLone(turns: Turns, now: number): void {
  const { options: { limits }, queue, taken } = turns;
  const [only] = taken.keys();
  if (taken.size > 1) turns.crowdedAt = now;
  else if (queue.size() === 0 && now - turns.crowdedAt >= limits.loneClientMs) turns.lone = only;
}
