/**
 * The ceilings that all upstreams share: how many processes live, and how many start at once. First
 * come, first served; when the house is full, the lane that has been idle for longest gives way.
 * It starts and stops nothing itself.
 */
import type { Clock } from "../clock.ts";
import { GatewayError } from "../errors.ts";
import type { Limits } from "../limits.ts";
import type { EvictableLane, LaneBudget, LanePlace } from "./deps.ts";

interface Waiting {
  readonly lane: EvictableLane;
  grant(place: LanePlace): void;
  refuse(error: GatewayError): void;
}

/** Makes a budget. Nobody waits in its queue for longer than a start may take. */
export function createLaneBudget(
  limits: Pick<Limits, "lanesMax" | "startsMax" | "startMs" | "startBusyMs">,
  clock: Clock,
): LaneBudget {
  const queue: Waiting[] = [];
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
        first.refuse(
          new GatewayError(
            "overloaded",
            `Cannot start another server process: all ${limits.lanesMax} are in use; retry later`,
          ),
        );
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
        cancelTimer();
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
      const giveUp = () =>
        waiting.refuse(new GatewayError("overloaded", "Cannot start a server process: given up"));
      const cancelTimer = clock.after(limits.startMs, () =>
        waiting.refuse(
          new GatewayError(
            "overloaded",
            "Cannot start a server process: too many are starting; retry later",
          ),
        ));
      if (signal.aborted) return giveUp();
      signal.addEventListener("abort", giveUp);
      queue.push(waiting);
      pump();
    });

  return {
    acquire,
    hasRoom: () => living.size + queue.length < limits.lanesMax && queue.length < limits.startsMax,
  };
}
