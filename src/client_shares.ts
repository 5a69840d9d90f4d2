/**
 * How consumers share what is bounded. The rules, the same for processes, leases, sessions, streams,
 * parks and requests:
 *
 * - Some places, one at least, are kept for consumers that have none.
 * - If there is no room, the consumer that has most gives way first. A consumer that has one gives it
 *   only to a consumer that has none.
 * - Those that wait take turns, so that one with a hundred items delays another by one.
 * - A refusal says after which time a retry can succeed: as long as places took to become free.
 *
 * Not here: which client is a consumer (consumers.ts), and a queue of those that wait
 * (fair_queue.ts).
 */

/** The part of all places that is kept for consumers that have none. */
const keptPart = 0.05;

/** How many of the places of all may be taken before a consumer that has `own` takes another. */
export function placesFor(own: number, placesMax: number): number {
  if (own === 0 || placesMax <= 1) return placesMax;
  return placesMax - Math.max(1, Math.floor(placesMax * keptPart));
}

/** How much a consumer has. Without a consumer it is something that serves several. */
export interface ShareHolder {
  readonly consumer: string | undefined;
  readonly count: number;
}

/** Whether a thing of a holder that is not in use may give way to one that another wants. */
export function mayGiveWay(holder: ShareHolder, wanter: ShareHolder): boolean {
  if (holder.consumer === undefined || wanter.consumer === undefined) return true;
  if (holder.consumer === wanter.consumer || wanter.count === 0) return true;
  return holder.count > 1 && 2 * holder.count > wanter.count;
}

/** A thing that may give way, and since when (monotonic). */
export interface Yielding<Thing> {
  readonly thing: Thing;
  readonly holder: ShareHolder;
  /** Whether it does nothing; otherwise it waits for its client. */
  readonly isIdle: boolean;
  readonly since: number;
}

/** Sorts things that may give way: those of the greediest first, then idle ones, then the oldest. */
export function sortYielding<Thing>(things: Yielding<Thing>[]): Yielding<Thing>[] {
  return things.sort((one, other) =>
    other.holder.count - one.holder.count || Number(other.isIdle) - Number(one.isIdle) ||
    one.since - other.since
  );
}

/** How many things each consumer has. */
export function countBy<Thing>(
  things: Iterable<Thing>,
  consumerOf: (thing: Thing) => string | undefined,
): Map<string, number> {
  const counts = new Map<string, number>();
  for (const thing of things) {
    const consumer = consumerOf(thing);
    if (consumer !== undefined) counts.set(consumer, (counts.get(consumer) ?? 0) + 1);
  }
  return counts;
}

/**
 * Things that wait, in an order in which consumers take turns: one that holds less comes first, and
 * those of one keep their order.
 */
export function inTurns<Thing>(
  things: Iterable<Thing>,
  consumerOf: (thing: Thing) => string,
  held: ReadonlyMap<string, number>,
): Thing[] {
  const all = [...things];
  const turns = new Map(held);
  const consumers = new Set<string>();
  const turnOf = new Map<Thing, number>();
  for (const thing of all) {
    const consumer = consumerOf(thing);
    const turn = turns.get(consumer) ?? 0;
    turns.set(consumer, turn + 1);
    consumers.add(consumer);
    turnOf.set(thing, turn);
  }
  if (consumers.size < 2) return all;
  return all.sort((one, other) => (turnOf.get(one) ?? 0) - (turnOf.get(other) ?? 0));
}

/**
 * The consumer that has most of these things, if it has more than another would with one more;
 * returns its last thing.
 */
export function lastOfGreediest<Thing>(
  things: Iterable<Thing>,
  consumerOf: (thing: Thing) => string,
  newcomer: string,
): Thing | undefined {
  const all = [...things];
  const counts = countBy(all, consumerOf);
  const most = [...counts].reduce(
    (found, one) => one[1] > found[1] ? one : found,
    [newcomer, (counts.get(newcomer) ?? 0) + 1] as [string, number],
  );
  return most[0] === newcomer ? undefined : all.findLast((one) => consumerOf(one) === most[0]);
}

/** How fast places become free, as far as that is known. */
export interface Turnover {
  /** A place became free at this time (monotonic milliseconds). */
  freed(now: number): void;
  /** After how many milliseconds the place after so many others is likely to become free. */
  waitMs(now: number, ahead: number): number;
}

/** The bounds of what a turnover says. */
export interface TurnoverBounds {
  readonly leastMs: number;
  readonly mostMs: number;
}

/** How many of the latest places count. */
const freedMax = 8;

/** Makes a turnover at `since`, before which no place became free. */
export function createTurnover(since: number, { leastMs, mostMs }: TurnoverBounds): Turnover {
  const freed: number[] = [];
  return {
    freed(now) {
      freed.push(now);
      if (freed.length > freedMax) since = freed.shift() ?? since;
    },
    waitMs(now, ahead) {
      // Without one it is not known; the time since the last one counts, so a standstill shows.
      if (freed.length === 0) return mostMs;
      const eachMs = (now - since) / freed.length;
      return Math.ceil(Math.min(mostMs, Math.max(leastMs, eachMs * (ahead + 1))));
    },
  };
}
