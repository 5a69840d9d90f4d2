/**
 * Exchanges that wait for their client to come back with answers. They are kept in memory within a
 * bound, each for a limited time and for one return. A parked call that has expired is never
 * repeated: the client gets an error that says so.
 */
import type { Clock } from "../../clock.ts";
import { GatewayError } from "../../errors.ts";
import type { Limits } from "../../limits.ts";
import type { CallTarget, Exchange, JsonObject, Notice, Question } from "../../model.ts";
import type { CallContext } from "./steps.ts";

/** A parked exchange and what it waits for. */
export interface Park {
  readonly exchange: Exchange;
  /** A notice that came after the asks: the first message that the client gets on its return. */
  readonly early: Notice | undefined;
  /** Ask id -> the question under which the client knows it. */
  readonly open: ReadonlyMap<string, Question>;
  /** The missing capabilities because of which its other questions were refused. */
  readonly refused: JsonObject[];
  /** Where the call went. */
  readonly target: CallTarget | undefined;
  /** The call that waits. */
  readonly context: Pick<CallContext, "target">;
  /** Releases its server, which a reload may have replaced. */
  readonly release: () => void;
}

/** The exchange of a resumed call. */
export function resumed({ exchange, early }: Park): Exchange {
  if (early === undefined) return exchange;
  let due: Notice | undefined = early;
  return {
    ...exchange,
    read(sink) {
      const first = due;
      // Once: a call that is parked again has this exchange, too.
      if (sink !== undefined) due = undefined;
      if (first !== undefined) sink?.(first);
      exchange.read(sink);
    },
  };
}

/** The parks of the gateway. */
export interface Parks {
  /** Keeps an exchange under a new id. Throws `overloaded`. */
  add(id: string, principal: string, park: Park): void;
  /** Takes a park out; undefined when there is none of that id. */
  take(id: string): Park | undefined;
  /** Gives all of them up. */
  close(): void;
}

/** Makes an empty set. */
export function createParks(
  { clock, limits }: {
    readonly clock: Clock;
    readonly limits: Pick<Limits, "parkMs" | "parksMax" | "parksPerPrincipalMax">;
  },
): Parks {
  const parks = new Map<string, Park & { principal: string; cancelTimer: () => void }>();
  const remove = (id: string): Park | undefined => {
    const park = parks.get(id);
    park?.cancelTimer();
    parks.delete(id);
    return park;
  };
  const giveUp = (id: string, reason: string): void => {
    const park = remove(id);
    park?.exchange.cancel(reason);
    park?.release();
  };
  return {
    add(id, principal, park) {
      const own = [...parks.values()].filter((other) => other.principal === principal);
      if (parks.size >= limits.parksMax || own.length >= limits.parksPerPrincipalMax) {
        throw new GatewayError(
          "overloaded",
          "Cannot wait for more input: too many calls wait already; answer or cancel one of them",
        );
      }
      const expire = (): void => giveUp(id, "The client did not come back");
      parks.set(id, { ...park, principal, cancelTimer: clock.after(limits.parkMs, expire) });
    },
    take: remove,
    close() {
      for (const id of [...parks.keys()]) {
        giveUp(id, "The gateway is stopping");
      }
    },
  };
}
