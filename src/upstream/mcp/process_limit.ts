/**
 * The ceilings that all upstreams share: how many processes live, and how many start at once. First
 * come, first served; when the house is full, the lane that has been idle for longest gives way.
 * It starts and stops nothing itself.
 */
import type { Clock } from "../../clock.ts";
import { GatewayError } from "../../errors.ts";
import type { Limits } from "../../limits.ts";
import type { EvictableLane, LanePlace, ProcessBudget } from "../deps.ts";

interface Waiting {
  readonly lane: EvictableLane;
  grant(place: LanePlace): void;
  refuse(error: GatewayError): void;
}

/**
 * Makes a budget. A place in its queue never expires: callers that wait for a start have their own
 * time limits, and a start that only fills a catalog has none.
 */
export function createLaneBudget(
  limits: Pick<Limits, "lanesMax" | "startsMax" | "startBusyMs" | "startsWaitingMax">,
  clock: Clock,
): ProcessBudget {
  const queue: Waiting[] = [];
  const patient: Pick<Waiting, "lane" | "grant">[] = [];
  const living = new Set<EvictableLane>();
  const leaving = new Set<EvictableLane>();
  let starting = 0;

  const makePlace = (lane: EvictableLane): LanePlace => {
    let isStarting = true;
    living.add(lane);
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
      if (!living.delete(lane)) return;
      leaving.delete(lane);
      started();
      pump();
    };
    return { started, release };
  };

  const longestIdle = (): EvictableLane | undefined => {
    let found: { lane: EvictableLane; since: number } | undefined;
    for (const lane of living) {
      const since = leaving.has(lane) ? undefined : lane.idleSince();
      if (since === undefined) continue;
      if (found === undefined || since < found.since) found = { lane, since };
    }
    return found?.lane;
  };

  const pump = (): void => {
    serveQueue();
    if (queue.length > 0 || starting > 0 || living.size >= limits.lanesMax) return;
    const first = patient.shift();
    if (first === undefined) return;
    const place = makePlace(first.lane);
    place.started();
    first.grant(place);
  };

  const serveQueue = (): void => {
    while (queue.length > 0 && starting < limits.startsMax) {
      const first = queue[0];
      if (first === undefined) return;
      if (living.size < limits.lanesMax) {
        first.grant(makePlace(first.lane));
        continue;
      }
      if (leaving.size > 0) return;
      const idle = longestIdle();
      if (idle === undefined) {
        first.refuse(overloaded(`all ${limits.lanesMax} are in use; retry later`));
        continue;
      }
      leaving.add(idle);
      idle.evict();
      if (living.size >= limits.lanesMax) return;
    }
  };

  const acquire = (lane: EvictableLane, signal: AbortSignal): Promise<LanePlace> =>
    new Promise((resolve, reject) => {
      const leave = () => {
        const at = queue.indexOf(waiting);
        if (at >= 0) queue.splice(at, 1);
        signal.removeEventListener("abort", giveUp);
      };
      const waiting: Waiting = {
        lane,
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
    hasRoom: () => living.size + queue.length < limits.lanesMax && queue.length < limits.startsMax,
    acquireQuietly(lane, grant) {
      const one = { lane, grant };
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
