/**
 * The ceilings that all upstreams share: how many processes live, and how many start at once. First
 * come, first served; when the house is full, the connection that has been idle for longest gives
 * way, else the one that has only waited for its clients for longest. It starts and stops nothing itself.
 */
import type { Clock } from "../../clock.ts";
import { GatewayError } from "../../errors.ts";
import type { Limits } from "../../limits.ts";
import type { Evictable, ProcessLimit, ProcessPlace } from "../deps.ts";

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
  limits: Pick<Limits, "processesMax" | "startsMax" | "startBusyMs" | "startsWaitingMax">,
  clock: Clock,
): ProcessLimit {
  const queue: Waiting[] = [];
  const patient: Pick<Waiting, "connection" | "grant">[] = [];
  const living = new Set<Evictable>();
  const leaving = new Set<Evictable>();
  let starting = 0;

  const makePlace = (connection: Evictable): ProcessPlace => {
    let isStarting = true;
    living.add(connection);
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
      if (!living.delete(connection)) return;
      leaving.delete(connection);
      started();
      pump();
    };
    return { started, release };
  };

  const longest = (
    sinceOf: (connection: Evictable) => number | undefined,
  ): Evictable | undefined => {
    let found: { connection: Evictable; since: number } | undefined;
    for (const connection of living) {
      const since = leaving.has(connection) ? undefined : sinceOf(connection);
      if (since === undefined) continue;
      if (found === undefined || since < found.since) found = { connection, since };
    }
    return found?.connection;
  };

  const pump = (): void => {
    serveQueue();
    if (queue.length > 0 || starting > 0 || living.size >= limits.processesMax) return;
    const first = patient.shift();
    if (first === undefined) return;
    const place = makePlace(first.connection);
    place.started();
    first.grant(place);
  };

  const serveQueue = (): void => {
    while (queue.length > 0 && starting < limits.startsMax) {
      const first = queue[0];
      if (first === undefined) return;
      if (living.size < limits.processesMax) {
        first.grant(makePlace(first.connection));
        continue;
      }
      if (leaving.size > 0) return;
      const spared = longest((one) => one.idleSince()) ?? longest((one) => one.restingSince?.());
      if (spared === undefined) {
        first.refuse(overloaded(`all ${limits.processesMax} are in use; retry later`));
        continue;
      }
      leaving.add(spared);
      spared.evict();
      if (living.size >= limits.processesMax) return;
    }
  };

  const acquire = (connection: Evictable, signal: AbortSignal): Promise<ProcessPlace> =>
    new Promise((resolve, reject) => {
      const leave = () => {
        const at = queue.indexOf(waiting);
        if (at >= 0) queue.splice(at, 1);
        signal.removeEventListener("abort", giveUp);
      };
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
      const giveUp = () => waiting.refuse(overloaded("the start was given up"));
      if (signal.aborted) return giveUp();
      if (queue.length >= limits.startsWaitingMax) {
        return waiting.refuse(overloaded("too many wait for their start; retry later"));
      }
      signal.addEventListener("abort", giveUp);
      queue.push(waiting);
      pump();
    });

  return {
    acquire,
    hasRoom: () =>
      living.size + queue.length < limits.processesMax && queue.length < limits.startsMax,
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
