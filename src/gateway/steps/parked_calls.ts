/**
 * Exchanges that wait for their client to come back with answers. They are kept in memory within a
 * bound, each for a limited time and for one return. If a place is needed, the oldest of the client
 * that has most gives way (client_shares.ts).
 * A parked call that is gone is never repeated: the client gets an error that says so.
 */
import { addWithin } from "../../bounded.ts";
import {
  countBy,
  mayGiveWay,
  placesFor,
  sortYielding,
  type Yielding,
} from "../../client_shares.ts";
import type { Clock } from "../../clock.ts";
import { GatewayError } from "../../errors.ts";
import type { Limits } from "../../limits.ts";
import type { Ask, CallTarget, Exchange, JsonObject, Notice, Question } from "../../model.ts";
import type { Emit } from "../../telemetry/events.ts";
import type { ServerUse } from "../servers.ts";
import type { CallContext, IsLost } from "./steps.ts";

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
  readonly context: Pick<CallContext, "principal" | "target">;
  /** Its use of its server, which a reload may have replaced. */
  readonly use: ServerUse | undefined;
}

/** The exchange of a resumed call. */
export function resumed({ exchange, early }: Park): Exchange {
  if (early === undefined) return exchange;
  let due: Notice | undefined = early;
  return {
    read(sink) {
      const first = due;
      // Once: a call that is parked again has this exchange, too.
      if (sink !== undefined) due = undefined;
      if (first !== undefined) sink?.(first);
      exchange.read(sink);
    },
    answer: (askId, answer) => exchange.answer(askId, answer),
    cancel: (reason) => exchange.cancel(reason),
    rest: (giveWay) => exchange.rest?.(giveWay),
  };
}

/**
 * The member of an ask's `_meta` by which a server names its key, so that clients know it in
 * advance.
 */
const keyMember = "mcp-wrapper/key";

/** An ask as its client gets it, with a key that none of the others has. */
export function toQuestion({ method, params }: Ask, taken: ReadonlySet<string>): Question {
  const { _meta, ...plain } = params;
  const { [keyMember]: named, ...others } = (_meta ?? {}) as JsonObject;
  const key = typeof named === "string" && !taken.has(named) ? named : crypto.randomUUID();
  const isEmpty = Object.keys(others).length === 0;
  return { key, method, params: isEmpty ? plain : { ...plain, _meta: others } };
}

/** The parks of the gateway. */
export interface Parks {
  /**
   * Keeps an exchange of a consumer under a new id; another gives way to one too many. Throws
   * `overloaded` if none can.
   */
  add(id: string, consumer: string, park: Park): void;
  /** Takes a park out; undefined when there is none of that id. */
  take(id: string): Park | undefined;
  /** Whether the park of an id gave way, as far as that is remembered. */
  gaveWay(id: string): boolean;
  /** How many there are. */
  count(): number;
  /** Gives those up whose principal has lost the right to them. */
  revoke(isLost: IsLost): void;
  /** Gives all of them up. */
  close(): void;
}

/** A park, and whose share it takes. */
interface Kept extends Park {
  readonly consumer: string;
  readonly since: number;
  readonly cancelTimer: () => void;
}

/** Whether there is a place for a consumer's next park, or which park makes room for it. */
function roomFor(
  parks: ReadonlyMap<string, Kept>,
  consumer: string,
  { parksMax, parksPerPrincipalMax }: Pick<Limits, "parksMax" | "parksPerPrincipalMax">,
): "free" | "none" | { readonly id: string } {
  const counts = countBy(parks.values(), (park) => park.consumer);
  const count = counts.get(consumer) ?? 0;
  const hasAll = count >= parksPerPrincipalMax;
  if (!hasAll && parks.size < placesFor(count, parksMax)) return "free";
  const yielding = [...parks].map(([id, park]): Yielding<string> => ({
    thing: id,
    holder: { consumer: park.consumer, count: counts.get(park.consumer) ?? 0 },
    isIdle: true,
    since: park.since,
  }));
  const found = sortYielding(yielding).find(({ holder }) =>
    hasAll ? holder.consumer === consumer : mayGiveWay(holder, { consumer, count })
  );
  return found === undefined ? "none" : { id: found.thing };
}

/** Makes an empty set. */
export function createParks(
  { clock, limits, emit }: {
    readonly emit: Emit;
    readonly clock: Clock;
    readonly limits: Pick<Limits, "parkMs" | "parksMax" | "parksPerPrincipalMax">;
  },
): Parks {
  const parks = new Map<string, Kept>();
  const gaveWay = new Set<string>();
  const remove = (id: string): Park | undefined => {
    const park = parks.get(id);
    park?.cancelTimer();
    parks.delete(id);
    return park;
  };
  const giveUp = (id: string, reason: string): void => {
    const park = remove(id);
    park?.exchange.cancel(reason);
    park?.use?.release();
  };
  /** Its client gets the reason when it returns. */
  const giveWay = (id: string): void => {
    const park = parks.get(id);
    if (park === undefined) return;
    const { principal, target } = park.context;
    const server = target?.server.config.name;
    emit({ type: "gave_way", what: "parked_call", principal: principal.id, server });
    addWithin(gaveWay, id, limits.parksMax);
    giveUp(id, "The client did not come back before others needed its place");
  };
  return {
    add(id, consumer, park) {
      const room = roomFor(parks, consumer, limits);
      if (room === "none") {
        throw new GatewayError("overloaded", "Too many calls wait for input already; retry later");
      }
      if (room !== "free") giveWay(room.id);
      const expire = (): void => {
        park.exchange.rest?.(undefined);
        giveUp(id, "The client did not come back");
      };
      parks.set(id, {
        ...park,
        consumer,
        since: clock.monotonic(),
        cancelTimer: clock.after(limits.parkMs, expire),
      });
      park.exchange.rest?.(() => giveWay(id));
    },
    take(id) {
      const park = remove(id);
      park?.exchange.rest?.(undefined);
      return park;
    },
    gaveWay: (id) => gaveWay.has(id),
    count: () => parks.size,
    revoke(isLost) {
      for (const [id, { context }] of [...parks]) {
        if (isLost(context)) giveUp(id, "The right to make this call was taken away");
      }
    },
    close() {
      for (const id of [...parks.keys()]) {
        giveUp(id, "The gateway is stopping");
      }
    },
  };
}
