/**
 * The connections that have a place in the process limit, and which of them gives way to another:
 * the one that has been idle for longest, else the one that has only waited for its clients for
 * longest. A principal's connection gives way to no other principal that has twice as many.
 */
import type { Evictable } from "../deps.ts";

/** Whether a connection may give way. */
export type MayGiveWay = (connection: Evictable) => boolean;

/** The places. */
export interface ProcessPlaces {
  size(): number;
  add(connection: Evictable): void;
  /** False if it had no place. */
  remove(connection: Evictable): boolean;
  /** How many serve this principal alone. */
  countOf(principal: string): number;
  /** Whether one that was told to give way is still there. */
  hasLeaving(): boolean;
  /** Tells a connection to give way to one of a principal; false if none can. */
  makeRoomFor(principal: string | undefined): boolean;
  /** The same among the principal's own. */
  makeRoomAmong(principal: string): boolean;
}

/** Makes them: all are free. */
export function createProcessPlaces(): ProcessPlaces {
  const living = new Set<Evictable>();
  const leaving = new Set<Evictable>();

  const countOf = (principal: string): number => {
    let count = 0;
    for (const one of living) if (one.principal?.() === principal) count += 1;
    return count;
  };
  const longest = (
    mayGiveWay: MayGiveWay,
    sinceOf: (connection: Evictable) => number | undefined,
  ): Evictable | undefined => {
    let found: { connection: Evictable; since: number } | undefined;
    for (const connection of living) {
      const since = leaving.has(connection) ? undefined : sinceOf(connection);
      if (since === undefined || (found !== undefined && since >= found.since)) continue;
      if (mayGiveWay(connection)) found = { connection, since };
    }
    return found?.connection;
  };
  const makeRoom = (mayGiveWay: MayGiveWay): boolean => {
    const spared = longest(mayGiveWay, (one) => one.idleSince()) ??
      longest(mayGiveWay, (one) => one.restingSince?.());
    if (spared === undefined) return false;
    leaving.add(spared);
    spared.evict();
    return true;
  };

  return {
    size: () => living.size,
    add: (connection) => void living.add(connection),
    remove(connection) {
      leaving.delete(connection);
      return living.delete(connection);
    },
    countOf,
    hasLeaving: () => leaving.size > 0,
    makeRoomFor(principal) {
      if (principal === undefined) return makeRoom(() => true);
      const count = countOf(principal);
      return makeRoom((connection) => {
        const other = connection.principal?.();
        return other === undefined || other === principal || 2 * countOf(other) > count;
      });
    },
    makeRoomAmong: (principal) => makeRoom((connection) => connection.principal?.() === principal),
  };
}
