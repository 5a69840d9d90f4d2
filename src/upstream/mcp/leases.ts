/**
 * Which connections are one call's alone: a server that asks on a channel for all cannot say whose
 * its question is, so a call that may be asked has a connection to itself. Counted for each scope,
 * whatever its callers declare, since each connection is a process.
 */
import { GatewayError } from "../../errors.ts";
import type { Limits } from "../../limits.ts";

/**
 * `clear`: it is up, or starting; `doubtful`: up, but questions may be a given-up call's; `none`:
 * not there.
 */
export type LeaseState = "clear" | "doubtful" | "none";

/** The leased connections of one upstream. */
export interface Leases {
  /**
   * The number of a connection for one call of a scope: clear ones first, new ones next. Throws
   * `overloaded`.
   */
  take(
    scope: string,
    stateOf: (number: number) => LeaseState,
  ): { readonly number: number; readonly release: () => void };
}

/** Makes an empty set. */
export function createLeases(
  server: string,
  { limits }: { readonly limits: Pick<Limits, "leasesMax"> },
): Leases {
  const taken = new Map<string, Set<number>>();
  const numbers = Array.from({ length: limits.leasesMax }, (_, number) => number);
  return {
    take(scope, stateOf) {
      const own = taken.get(scope) ?? new Set();
      const free = numbers.filter((number) => !own.has(number));
      const first = (state: LeaseState) => free.find((number) => stateOf(number) === state);
      const number = first("clear") ?? first("none") ?? free[0];
      if (number === undefined) {
        throw new GatewayError(
          "overloaded",
          `Server "${server}" has ${limits.leasesMax} calls under way that may ask for input; ` +
            "answer or cancel one of them first",
          { data: { server } },
        );
      }
      taken.set(scope, own.add(number));
      const release = (): void => {
        own.delete(number);
        if (own.size === 0 && taken.get(scope) === own) taken.delete(scope);
      };
      return { number, release };
    },
  };
}
