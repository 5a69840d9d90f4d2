/**
 * The ceilings that all upstreams share: how many processes live, and how many start at once.
 * Principals take turns, and each is served first come, first served. When all places are taken, a
 * connection that is not in use gives way (process_places.ts). It starts and stops nothing itself.
 */
import type { Clock } from "../../clock.ts";
import { GatewayError } from "../../errors.ts";
import { createFairQueue } from "../../fair_queue.ts";
import type { Limits } from "../../limits.ts";
import type { Evictable, ProcessLimit, ProcessPlace } from "../deps.ts";
import { createProcessPlaces } from "./process_places.ts";

interface Waiting {
  readonly connection: Evictable;
  grant(place: ProcessPlace): void;
  refuse(error: GatewayError): void;
}

/**
 * Makes a limit. A place in its queue never expires: callers that wait for a start have their own
 * time limits, and a start that only fills a catalog has none.
 */
export function createProcessLimit(
  limits: Pick<
    Limits,
    "processesMax" | "principalProcessesMax" | "startsMax" | "startBusyMs" | "startsWaitingMax"
  >,
  clock: Clock,
): ProcessLimit {
  const queue = createFairQueue<Waiting>();
  const patient: Pick<Waiting, "connection" | "grant">[] = [];
  const places = createProcessPlaces();
  let starting = 0;

  const makePlace = (connection: Evictable): ProcessPlace => {
    let isStarting = true;
    places.add(connection);
    starting++;
    const started = () => {
      if (!isStarting) return;
      isStarting = false;
      cancelBusy();
      starting--;
      pump();
    };
    // By then it waits for something rather than works: servers that hang hold up no others.
    const cancelBusy = clock.after(limits.startBusyMs, started);
    const release = () => {
      if (!places.remove(connection)) return;
      started();
      pump();
    };
    return { started, release };
  };

  const pump = (): void => {
    serveQueue();
    if (queue.size() > 0 || starting > 0 || places.size() >= limits.processesMax) return;
    const first = patient.shift();
    if (first === undefined) return;
    const place = makePlace(first.connection);
    place.started();
    first.grant(place);
  };

  const serveQueue = (): void => {
    while (starting < limits.startsMax) {
      const first = queue.first();
      if (first === undefined) return;
      const isFull = places.size() >= limits.processesMax;
      if (isFull && places.hasLeaving()) return;
      const refusal = refusalOf(first.connection, isFull);
      // The connection that gives way may need some time.
      if (refusal === undefined && places.size() >= limits.processesMax) return;
      queue.next();
      if (refusal !== undefined) first.refuse(refusal);
      else first.grant(makePlace(first.connection));
    }
  };

  /** Why a connection can have no place; makes room for it if it can. */
  const refusalOf = (connection: Evictable, isFull: boolean): GatewayError | undefined => {
    const principal = connection.principal?.();
    const { processesMax, principalProcessesMax: ownMax } = limits;
    if (principal !== undefined && places.countOf(principal) >= ownMax) {
      if (places.makeRoomAmong(principal)) return undefined;
      return overloaded(`all ${ownMax} that one client may have are in use; retry later`);
    }
    if (!isFull || places.makeRoomFor(principal)) return undefined;
    return overloaded(`all ${processesMax} are in use; retry later`);
  };

  const acquire = (connection: Evictable, signal: AbortSignal): Promise<ProcessPlace> =>
    new Promise((resolve, reject) => {
      const leave = () => signal.removeEventListener("abort", giveUp);
      const waiting: Waiting = {
        connection,
        grant(place) {
          leave();
          resolve(place);
        },
        refuse(error) {
          leave();
          reject(error);
        },
      };
      const giveUp = () => {
        queue.removeWhere((one) => one === waiting);
        waiting.refuse(overloaded("the start was given up"));
      };
      if (signal.aborted) return giveUp();
      const owner = [connection.principal?.() ?? ""];
      if (queue.size() >= limits.startsWaitingMax) {
        // The principal with most of the places makes room.
        const last = queue.takeFromLongest(owner) ?? waiting;
        last.refuse(overloaded("too many wait for their start; retry later"));
        if (last === waiting) return;
      }
      signal.addEventListener("abort", giveUp);
      queue.add(owner, waiting);
      pump();
    });

  return {
    acquire,
    counts: () => ({ running: places.size(), waiting: queue.size() }),
    hasRoom: () =>
      places.size() + queue.size() < limits.processesMax && queue.size() < limits.startsMax,
    acquireQuietly(connection, grant) {
      const one = { connection, grant };
      patient.push(one);
      pump();
      return () => {
        const at = patient.indexOf(one);
        if (at >= 0) patient.splice(at, 1);
      };
    },
  };
}

function overloaded(why: string): GatewayError {
  return new GatewayError("overloaded", `Cannot start another server process: ${why}`);
}
