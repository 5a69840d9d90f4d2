/**
 * The connections that have a place in the process limit, and which of them gives way to another:
 * of the consumer that has most, and of those the one that has been idle for longest, else the one
 * that has only waited for its clients for longest (client_shares.ts).
 */
import {
  countBy,
  mayGiveWay,
  placesFor,
  sortYielding,
  type Yielding,
} from "../../client_shares.ts";
import type { Limits } from "../../limits.ts";
import type { Evictable } from "../deps.ts";

/** Why a connection cannot have a place now: its consumer has its share, or all places are taken. */
export type Obstacle = "own" | "all";

/** The places. */
export interface ProcessPlaces {
  /** Those that were told to give way are included until they are gone. */
  size(): number;
  /** How many were told to give way and are still there. */
  leaving(): number;
  add(connection: Evictable): void;
  /** False if it had no place. */
  remove(connection: Evictable): boolean;
  hasRoomFor(connection: Evictable): boolean;
  obstacle(connection: Evictable): Obstacle | undefined;
  /** Tells one to give way to the first of these for which one can; false if there is none. */
  makeRoom(firstWhere: (canHave: (connection: Evictable) => boolean) => unknown): boolean;
}

/** The connections at one moment. */
interface Counted {
  readonly counts: ReadonlyMap<string, number>;
  readonly yielding: readonly Yielding<Evictable>[];
}

/** Makes them: all are free. `gaveWay` is called with each connection that has to give way. */
export function createProcessPlaces(
  limits: Pick<Limits, "processesMax" | "principalProcessesMax">,
  gaveWay: (connection: Evictable) => void,
): ProcessPlaces {
  const living = new Set<Evictable>();
  const leaving = new Set<Evictable>();
  const staying = () => living.difference(leaving);
  const countOf = (consumer: string | undefined): number => {
    let count = 0;
    if (consumer === undefined) return count;
    for (const one of living) {
      if (!leaving.has(one) && consumerOf(one) === consumer) count += 1;
    }
    return count;
  };
  const obstacleAt = (own: number): Obstacle | undefined => {
    if (own >= limits.principalProcessesMax) return "own";
    return living.size >= placesFor(own, limits.processesMax) ? "all" : undefined;
  };
  const obstacleOf = (connection: Evictable): Obstacle | undefined => {
    const consumer = consumerOf(connection);
    return obstacleAt(countOf(consumer));
  };

  return {
    size: () => living.size,
    leaving: () => leaving.size,
    add: (connection) => void living.add(connection),
    remove(connection) {
      leaving.delete(connection);
      return living.delete(connection);
    },
    // Most that wait find all places taken: then no count is needed.
    hasRoomFor: (connection) =>
      living.size < limits.processesMax && obstacleOf(connection) === undefined,
    obstacle: obstacleOf,
    makeRoom(firstWhere) {
      const counted = count(staying());
      if (counted.yielding.length === 0) return false;
      let spared: Evictable | undefined;
      firstWhere((connection) => {
        const consumer = consumerOf(connection);
        const own = counted.counts.get(consumer ?? "") ?? 0;
        const obstacle = obstacleAt(own);
        if (obstacle === undefined) return false;
        spared = counted.yielding.find(({ holder }) =>
          obstacle === "own"
            ? holder.consumer === consumer
            : mayGiveWay(holder, { consumer, count: own })
        )?.thing;
        return spared !== undefined;
      });
      if (spared === undefined) return false;
      leaving.add(spared);
      gaveWay(spared);
      spared.evict();
      return true;
    },
  };
}

function consumerOf(connection: Evictable): string | undefined {
  return connection.consumer?.();
}

function count(connections: Iterable<Evictable>): Counted {
  const all = [...connections];
  const counts = countBy(all, consumerOf);
  const yielding = all.flatMap((thing): Yielding<Evictable>[] => {
    const idle = thing.idleSince();
    const since = idle ?? thing.restingSince?.();
    if (since === undefined) return [];
    const consumer = consumerOf(thing);
    const holder = { consumer, count: consumer === undefined ? 1 : counts.get(consumer) ?? 0 };
    return [{ thing, holder, isIdle: idle !== undefined, since }];
  });
  return { counts, yielding: sortYielding(yielding) };
}
