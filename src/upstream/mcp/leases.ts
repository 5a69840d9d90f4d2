/**
 * Which calls have which connections of a scope. On a channel for all, a question does not say
 * whose it is, so a call that may be asked takes a connection for itself while it runs. Calls of a
 * server that never asked share the common one. When all are in use, a call waits its turn; if a
 * connection is held by a call that waits for its client, the oldest such call gives way. Not here:
 * what is expected of a call (asking_memory.ts).
 */
import type { Clock } from "../../clock.ts";
import { GatewayError } from "../../errors.ts";
import type { Limits } from "../../limits.ts";
import type { Resting } from "../exchange_source.ts";

/**
 * `clear`: it is up, or starting; `doubtful`: up, but questions may be a given-up call's; `none`:
 * not there.
 */
export type LeaseState = "clear" | "doubtful" | "none";

/** The properties of a call that decide which connection it can have. */
export interface LeaseClaim {
  readonly scope: string;
  /** What its client declares: only calls that declare the same can share a connection. */
  readonly declared: string;
  /** Whether it must have a connection for itself, as far as is known now. */
  readonly isAlone: () => boolean;
  /** Whether it may share one on which so many calls run that may ask soon. */
  readonly joins: (fresh: number) => boolean;
  /** It has run for a while without a question, on a connection that it shares. */
  readonly stayedQuiet: () => void;
  /** Whether it waits for its client at this moment, and how it gives way. */
  readonly resting: () => Resting | undefined;
  readonly stateOf: (number: number) => LeaseState;
}

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
    "leasesMax" | "leasesWaitingMax" | "parkYieldMs" | "freshCallMs"
  >;
}

/** A connection in use. */
interface Place {
  readonly holders: Set<LeaseClaim>;
  /** Those of its calls that have not run for long: they may ask soon. */
  readonly fresh: Set<LeaseClaim>;
  /** Its calls were asked to give way. */
  isLeaving: boolean;
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
interface Holding {
  /** Connections that one call has for itself. */
  readonly places: Map<number, Place>;
  /** What clients declare -> their common connection, while calls share it. */
  readonly common: Map<string, Place>;
  readonly waiters: Set<Waiter>;
}

interface LeasesState {
  readonly options: LeaseOptions;
  readonly scopes: Map<string, Holding>;
}

/** Makes an empty set. */
export function createLeases(options: LeaseOptions): Leases {
  const state: LeasesState = { options, scopes: new Map() };
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
  const { options: { server, waitMs, clock, limits } } = state;
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
  const busy = (why: string): void => {
    const message = `Server "${server}" is busy: ${why}; retry later`;
    waiter.refuse(new GatewayError("overloaded", message, { data: { server } }));
  };
  const givenUp = (): void => waiter.refuse(new GatewayError("cancelled"));
  if (wish.signal.aborted) givenUp();
  else if (holding.waiters.size >= limits.leasesWaitingMax) busy("too many calls wait for it");
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

/** The connection that a call can have now. */
function serve(state: LeasesState, holding: Holding, wish: LeaseClaim): LeasedNumber | undefined {
  if (!wish.isAlone()) return share(state, holding, wish);
  const number = freeNumber(state, holding, wish);
  if (number === undefined) return undefined;
  const place: Place = { holders: new Set([wish]), fresh: new Set(), isLeaving: false };
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
  const place: Place = common.get(wish.declared) ??
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
  pump(state, scope);
  tidy(state, scope);
}

/** Clear connections first, new ones next; of the doubtful ones the common one last. */
function freeNumber(
  { options: { limits } }: LeasesState,
  { places, common }: Holding,
  { declared, stateOf }: LeaseClaim,
): number | undefined {
  const numbers = Array.from({ length: limits.leasesMax }, (_, number) => number)
    .filter((number) => !places.has(number) && (number > 0 || !common.has(declared)));
  const first = (state: LeaseState) => numbers.find((number) => stateOf(number) === state);
  return first("clear") ?? first("none") ?? numbers.at(-1);
}

/** Serves those that wait, the first first; then calls that wait for their client give way. */
function pump(state: LeasesState, scope: string): void {
  const holding = state.scopes.get(scope);
  if (holding === undefined) return;
  for (const waiter of [...holding.waiters]) {
    const lease = serve(state, holding, waiter.wish);
    if (lease !== undefined) waiter.grant(lease);
  }
  const due = () =>
    [...holding.waiters].filter(({ isDue, wish }) => isDue && wish.isAlone()).length;
  const leaving = () => placesOf(holding).filter((place) => place.isLeaving).length;
  while (due() > leaving()) {
    const place = oldestResting(holding);
    if (place === undefined) return;
    place.isLeaving = true;
    for (const { resting } of [...place.holders]) resting()?.giveWay();
  }
}

const placesOf = ({ places, common }: Holding): Place[] => [
  ...places.values(),
  ...common.values(),
];

/** The connection whose calls all wait for their clients, and have done so for longest. */
function oldestResting(holding: Holding): Place | undefined {
  let found: { readonly place: Place; readonly since: number } | undefined;
  for (const place of placesOf(holding)) {
    const rests = [...place.holders].map(({ resting }) => resting()?.since);
    if (place.isLeaving || rests.includes(undefined)) continue;
    const since = Math.max(...rests.map(Number));
    if (found === undefined || since < found.since) found = { place, since };
  }
  return found?.place;
}

function tidy({ scopes }: LeasesState, scope: string): void {
  const holding = scopes.get(scope);
  if (holding === undefined || holding.waiters.size > 0 || placesOf(holding).length > 0) return;
  scopes.delete(scope);
}
