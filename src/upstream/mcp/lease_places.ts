/**
 * The connections that calls of one scope have: which is free for another call, and which gives way
 * (client_shares.ts). Clients that do not authenticate share a scope, so each of them has a share.
 * Not here: which calls wait (leases.ts).
 */
import {
  countBy,
  mayGiveWay,
  placesFor,
  sortYielding,
  type Yielding,
} from "../../client_shares.ts";
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
  /** Whose share it takes. */
  readonly consumer: string;
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

/** A connection in use. */
export interface LeasePlace {
  readonly holders: Set<LeaseClaim>;
  /** Those of its calls that have not run for long: they may ask soon. */
  readonly fresh: Set<LeaseClaim>;
  /** Its calls were asked to give way. */
  isLeaving: boolean;
}

/** The connections of one scope. */
export interface LeasePlaces {
  /** Connections that one call has for itself. */
  readonly places: Map<number, LeasePlace>;
  /** What clients declare -> their common connection, while calls share it. */
  readonly common: Map<string, LeasePlace>;
}

/** The bounds of a scope's connections. */
export type LeaseBounds = Pick<Limits, "leasesMax" | "scopeLeasesMax">;

/** All of them. */
export function placesIn({ places, common }: LeasePlaces): LeasePlace[] {
  return [...places.values(), ...common.values()];
}

/** Whether the consumer of a call has all connections that one may have. */
export function hasAll(
  { places }: LeasePlaces,
  { consumer }: LeaseClaim,
  { leasesMax }: LeaseBounds,
): boolean {
  return places.size >= leasesMax && ownOf(places.values(), consumer) >= leasesMax;
}

function ownOf(places: Iterable<LeasePlace>, consumer: string): number {
  let own = 0;
  for (const place of places) if (consumerOf(place) === consumer) own += 1;
  return own;
}

/** The consumer of all calls on a connection; undefined where they are several consumers'. */
function consumerOf({ holders }: LeasePlace): string | undefined {
  const [first, ...others] = holders;
  return others.every(({ consumer }) => consumer === first?.consumer) ? first?.consumer : undefined;
}

/** How many connections each consumer has. */
export function heldIn(scope: LeasePlaces): ReadonlyMap<string, number> {
  return countBy(placesIn(scope), consumerOf);
}

/** Clear connections first, new ones next; of the doubtful ones the common one last. */
export function freeNumber(
  { places, common }: LeasePlaces,
  { consumer, declared, stateOf }: LeaseClaim,
  { leasesMax, scopeLeasesMax }: LeaseBounds,
): number | undefined {
  const own = ownOf(places.values(), consumer);
  if (own >= leasesMax || places.size >= placesFor(own, scopeLeasesMax)) return undefined;
  // A client reuses its connections before it gets further ones.
  const end = Math.min(scopeLeasesMax, places.size - own + leasesMax);
  let [absent, last]: [number | undefined, number | undefined] = [undefined, undefined];
  for (let number = common.has(declared) ? 1 : 0; number < end; number += 1) {
    if (places.has(number)) continue;
    const state = stateOf(number);
    if (state === "clear") return number;
    if (state === "none") absent ??= number;
    last = number;
  }
  return absent ?? last;
}

/**
 * The connection that gives way to a call: all of its calls wait for their clients. Of the consumer
 * with most connections the one that has waited for longest.
 */
export function yieldingPlace(
  scope: LeasePlaces,
  wanter: LeaseClaim,
  bounds: LeaseBounds,
): LeasePlace | undefined {
  const all = placesIn(scope);
  const counts = heldIn(scope);
  const resting = all.flatMap((thing): Yielding<LeasePlace>[] => {
    const rests = [...thing.holders].map(({ resting }) => resting()?.since);
    if (thing.isLeaving || rests.includes(undefined)) return [];
    const consumer = consumerOf(thing);
    const count = consumer === undefined ? 1 : counts.get(consumer) ?? 0;
    const since = Math.max(...rests.map(Number));
    return [{ thing, holder: { consumer, count }, isIdle: false, since }];
  });
  const { consumer } = wanter;
  const own = { consumer, count: counts.get(consumer) ?? 0 };
  const isOwn = hasAll(scope, wanter, bounds);
  return sortYielding(resting).find(({ holder }) =>
    isOwn ? holder.consumer === consumer : mayGiveWay(holder, own)
  )?.thing;
}
