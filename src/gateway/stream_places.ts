/**
 * The places of event streams. Each consumer has a share of them, and a few are kept for consumers
 * that have none. When all are taken, the oldest stream of the consumer with most gives way, if that
 * consumer has at least two more than the one that wants a place: so no client loses its only
 * stream, and no two take places from each other in turns. A stream that carries the answer of a
 * call never gives way. Not here: what a refused client gets (principal_rates.ts).
 */
import { placesFor } from "../client_shares.ts";
import type { Limits } from "../limits.ts";

/** The place of one stream. */
export interface EventStreamPlace {
  /** The stream has ended. */
  readonly leave: () => void;
  /**
   * From now on the stream can give way: `end` ends it in good order, so that its client opens it
   * again later. Without a function it cannot, which is so at first.
   */
  readonly yieldsBy: (end: (() => void) | undefined) => void;
}

/** Why there is no place: the consumer has its share, or all are taken. */
export type NoStreamPlace = "own" | "all";

/** The streams of all consumers. */
export interface StreamPlaces {
  /** Takes a place for a stream of a consumer. */
  take(consumer: string): EventStreamPlace | NoStreamPlace;
  /** How many streams a consumer has. */
  countOf(consumer: string): number;
  /** How many there are in all. */
  size(): number;
}

/** What they are made from. */
export interface StreamPlacesOptions {
  readonly limits: Pick<Limits, "streamsMax" | "principalStreamsMax">;
  /** Whether `principalStreamsMax` applies to a consumer. */
  readonly hasShare: (consumer: string) => boolean;
  /** A stream of this consumer gave way. */
  readonly gaveWay: (consumer: string) => void;
}

/** A stream: how it gives way, if it can. */
interface Held {
  end: (() => void) | undefined;
}

/** Makes them: all are free. */
export function createStreamPlaces(
  { limits: { streamsMax, principalStreamsMax }, hasShare, gaveWay }: StreamPlacesOptions,
): StreamPlaces {
  /** The streams of each consumer, the oldest first. */
  const streams = new Map<string, Set<Held>>();
  let size = 0;
  const countOf = (consumer: string): number => streams.get(consumer)?.size ?? 0;
  const remove = (consumer: string, held: Held): void => {
    const own = streams.get(consumer);
    if (own?.delete(held) !== true) return;
    size -= 1;
    if (own.size === 0) streams.delete(consumer);
  };
  const makeRoom = (own: number): boolean => {
    const found = findYielding(streams, own + 2);
    if (found === undefined) return false;
    const [consumer, held] = found;
    remove(consumer, held);
    gaveWay(consumer);
    held.end?.();
    return true;
  };
  return {
    take(consumer) {
      const own = countOf(consumer);
      if (hasShare(consumer) && own >= principalStreamsMax) return "own";
      if (size >= placesFor(own, streamsMax) && !makeRoom(own)) return "all";
      const held: Held = { end: undefined };
      const known = streams.get(consumer);
      if (known === undefined) streams.set(consumer, new Set([held]));
      else known.add(held);
      size += 1;
      return {
        leave: () => remove(consumer, held),
        yieldsBy: (end) => void (held.end = end),
      };
    },
    countOf,
    size: () => size,
  };
}

/** The oldest stream that can give way, of the consumer that has most; it has so many at least. */
function findYielding(
  streams: ReadonlyMap<string, ReadonlySet<Held>>,
  countMin: number,
): [consumer: string, held: Held] | undefined {
  let found: [string, Held] | undefined;
  let most = countMin - 1;
  for (const [consumer, own] of streams) {
    if (own.size <= most) continue;
    const oldest = [...own].find(({ end }) => end !== undefined);
    if (oldest === undefined) continue;
    found = [consumer, oldest];
    most = own.size;
  }
  return found;
}
