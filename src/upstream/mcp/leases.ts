/**
 * Which calls have which connections of a scope. On a channel for all, a question does not say
 * whose it is, so a call that may be asked takes a connection for itself while it runs. Calls of a
 * server that never asked share the common one. When all are in use, a call waits its turn; if a
 * connection is held by a call that waits for its client, the oldest such call gives way. Not here:
 * what is expected of a call (asking_memory.ts).
 */
import type { Clock } from "../../clock.ts";
import { createTurnover, inTurns, lastOfGreediest, type Turnover } from "../../client_shares.ts";
import { GatewayError } from "../../errors.ts";
import type { Limits } from "../../limits.ts";
import {
  freeNumber,
  hasAll,
  heldIn,
  type LeaseClaim,
  type LeasePlace,
  type LeasePlaces,
  placesIn,
  yieldingPlace,
} from "./lease_places.ts";

/** A call that needs a connection. */
export interface LeaseWish extends LeaseClaim {
  /** The call was given up. */
  readonly signal: AbortSignal;
}

/** The number of the connection that a call has. */
export interface LeasedNumber {
  readonly number: number;
  release(): void;
}

/** The leased connections of one upstream. */
export interface Leases {
  /**
   * Waits for a connection, within a bound and a time. Rejects with `overloaded`, or with
   * `cancelled` when the call was given up.
   */
  take(wish: LeaseWish): Promise<LeasedNumber>;
  /** The connection that a call can have now; undefined when it would have to wait. */
  takeNow(claim: LeaseClaim): LeasedNumber | undefined;
  /** What is expected of calls has changed, or one waits for its client from now on. */
  changed(): void;
  /** How many calls wait. */
  waiting(): number;
  /** Refuses the calls that wait, of one scope or of all. */
  refuse(error: GatewayError, scope?: string): void;
}

/** What leases depend on. */
export interface LeaseOptions {
  readonly server: string;
  /** How long a call may wait. */
  readonly waitMs: number;
  readonly clock: Clock;
  readonly limits: Pick<
    Limits,
    | "leasesMax"
    | "scopeLeasesMax"
    | "leasesWaitingMax"
    | "parkYieldMs"
    | "freshCallMs"
    | "retryMsMin"
    | "retryMsMax"
  >;
}

/** A call in the queue. */
interface Waiter {
  readonly wish: LeaseWish;
  /** Whether it has waited so long that others should give way to it. */
  isDue: boolean;
  grant(lease: LeasedNumber): void;
  refuse(error: GatewayError): void;
}

/** One scope. */
interface Holding extends LeasePlaces {
  readonly waiters: Set<Waiter>;
}

interface LeasesState {
  readonly options: LeaseOptions;
  readonly scopes: Map<string, Holding>;
  readonly turnover: Turnover;
}

/** Makes an empty set. */
export function createLeases(options: LeaseOptions): Leases {
  const { clock, limits: { retryMsMin: leastMs, retryMsMax: mostMs } } = options;
  const turnover = createTurnover(clock.monotonic(), { leastMs, mostMs });
  const state: LeasesState = { options, scopes: new Map(), turnover };
  return {
    take: (wish) => take(state, wish),
    takeNow(claim) {
      const lease = serve(state, holdingOf(state, claim.scope), claim);
      if (lease === undefined) tidy(state, claim.scope);
      return lease;
    },
    changed() {
      for (const scope of [...state.scopes.keys()]) pump(state, scope);
    },
    waiting() {
      let calls = 0;
      for (const { waiters } of state.scopes.values()) calls += waiters.size;
      return calls;
    },
    refuse(error, scope) {
      for (const [name, { waiters }] of [...state.scopes]) {
        if (scope !== undefined && name !== scope) continue;
        for (const waiter of [...waiters]) waiter.refuse(error);
      }
    },
  };
}

function holdingOf({ scopes }: LeasesState, scope: string): Holding {
  const known = scopes.get(scope);
  if (known !== undefined) return known;
  const made: Holding = { places: new Map(), common: new Map(), waiters: new Set() };
  scopes.set(scope, made);
  return made;
}

function take(state: LeasesState, wish: LeaseWish): Promise<LeasedNumber> {
  const { options: { waitMs, clock, limits } } = state;
  const holding = holdingOf(state, wish.scope);
  // Those that came before go first, where they can be served at all: they wait since they cannot.
  const lease = wish.signal.aborted ? undefined : serve(state, holding, wish);
  if (lease !== undefined) return Promise.resolve(lease);
  const { promise, resolve, reject } = Promise.withResolvers<LeasedNumber>();
  const cancels: (() => void)[] = [];
  const leave = (): void => {
    holding.waiters.delete(waiter);
    for (const cancel of cancels) cancel();
    tidy(state, wish.scope);
  };
  const waiter: Waiter = {
    wish,
    isDue: false,
    grant(granted) {
      leave();
      resolve(granted);
    },
    refuse(error) {
      leave();
      reject(error);
    },
  };
  const busy = (why: string): void => waiter.refuse(busyError(state, holding, wish, why));
  const givenUp = (): void => waiter.refuse(new GatewayError("cancelled"));
  if (wish.signal.aborted) givenUp();
  else if (!makeRoom(state, holding, wish)) busy(tooMany);
  else {
    holding.waiters.add(waiter);
    wish.signal.addEventListener("abort", givenUp);
    cancels.push(
      () => wish.signal.removeEventListener("abort", givenUp),
      clock.after(waitMs, () => busy("the call did not get its turn in time")),
      clock.after(limits.parkYieldMs, () => {
        waiter.isDue = true;
        pump(state, wish.scope);
      }),
    );
  }
  return promise;
}

const tooMany = "too many calls wait for it";

/** Makes room among those that wait: a call of the consumer with most of them is refused. */
function makeRoom(state: LeasesState, holding: Holding, { consumer }: LeaseWish): boolean {
  const { waiters } = holding;
  if (waiters.size < state.options.limits.leasesWaitingMax) return true;
  const last = lastOfGreediest(waiters, ({ wish }) => wish.consumer, consumer);
  last?.refuse(busyError(state, holding, last.wish, tooMany));
  return last !== undefined;
}

/** The error of a call that got no connection. */
function busyError(
  { options: { server, clock, limits }, turnover }: LeasesState,
  holding: Holding,
  wish: LeaseClaim,
  why: string,
): GatewayError {
  const isOwn = hasAll(holding, wish, limits);
  const ahead = [...holding.waiters].filter((one) => one.wish.consumer === wish.consumer).length;
  const retryAfterMs = turnover.waitMs(clock.monotonic(), Math.max(0, ahead - 1));
  const message = `Server "${server}" is busy: ${why}; retry later`;
  const data = { server, outcome: "not_sent", retryAfterMs };
  return isOwn
    ? new GatewayError("rate_limited", message, { data, share: "leases" })
    : new GatewayError("overloaded", message, { data });
}

/** The connection that a call can have now. */
function serve(state: LeasesState, holding: Holding, wish: LeaseClaim): LeasedNumber | undefined {
  if (!wish.isAlone()) return share(state, holding, wish);
  const number = freeNumber(holding, wish, state.options.limits);
  if (number === undefined) return undefined;
  const place: LeasePlace = { holders: new Set([wish]), fresh: new Set(), isLeaving: false };
  holding.places.set(number, place);
  const release = (): void => {
    if (!place.holders.delete(wish)) return;
    holding.places.delete(number);
    released(state, wish);
  };
  return { number, release };
}

/** The common connection, where the calls on it leave room for one more that may ask. */
function share(
  state: LeasesState,
  { common }: Holding,
  wish: LeaseClaim,
): LeasedNumber | undefined {
  const { options: { clock, limits } } = state;
  const place: LeasePlace = common.get(wish.declared) ??
    { holders: new Set(), fresh: new Set(), isLeaving: false };
  if (!wish.joins(place.fresh.size)) return undefined;
  common.set(wish.declared, place);
  place.holders.add(wish);
  place.fresh.add(wish);
  const cancelTimer = clock.after(limits.freshCallMs, () => {
    place.fresh.delete(wish);
    wish.stayedQuiet();
    pump(state, wish.scope);
  });
  const release = (): void => {
    if (!place.holders.delete(wish)) return;
    cancelTimer();
    place.fresh.delete(wish);
    if (place.holders.size === 0) common.delete(wish.declared);
    released(state, wish);
  };
  return { number: 0, release };
}

function released(state: LeasesState, { scope }: LeaseClaim): void {
  state.turnover.freed(state.options.clock.monotonic());
  pump(state, scope);
  tidy(state, scope);
}

/** Serves those that wait, by turns; then calls that wait for their client give way. */
function pump(state: LeasesState, scope: string): void {
  const holding = state.scopes.get(scope);
  if (holding === undefined || holding.waiters.size === 0) return;
  for (const waiter of inTurns(holding.waiters, consumerOfWaiter, heldIn(holding))) {
    const lease = serve(state, holding, waiter.wish);
    if (lease !== undefined) waiter.grant(lease);
  }
  const leaving = placesIn(holding).filter((place) => place.isLeaving).length;
  const due = [...holding.waiters].filter(({ isDue, wish }) => isDue && wish.isAlone());
  for (const { wish } of inTurns(due, consumerOfWaiter, heldIn(holding)).slice(leaving)) {
    const place = yieldingPlace(holding, wish, state.options.limits);
    if (place === undefined) continue;
    place.isLeaving = true;
    for (const { resting } of [...place.holders]) resting()?.giveWay();
  }
}

const consumerOfWaiter = ({ wish }: Waiter): string => wish.consumer;

function tidy({ scopes }: LeasesState, scope: string): void {
  const holding = scopes.get(scope);
  if (holding === undefined || holding.waiters.size > 0 || placesIn(holding).length > 0) return;
  scopes.delete(scope);
}
