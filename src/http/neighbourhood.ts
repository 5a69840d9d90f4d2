/**
 * The other instances, from the moment when this one has joined them: what it loses to them, and how
 * it leaves them its sessions. A gateway alone has none of this.
 */
import { type Clock, sleep } from "../clock.ts";
import { GatewayError } from "../errors.ts";
import type { Limits } from "../limits.ts";
import type { Neighbours } from "./elsewhere.ts";
import { loseLine, type SseTransport } from "./legacy/http_sse.ts";
import { handSessionsOver, loseSession } from "./legacy/session_handover.ts";
import type { Sessions } from "./legacy/session_table.ts";

/** The other instances. */
export interface Neighbourhood {
  /** Throws `starting` before this instance has joined. */
  get(): Neighbours;
  join(neighbours: Neighbours, sessions: Sessions, transport: SseTransport): void;
  /** Gives the sessions away, if there is an instance that takes them; calls `begin` then. */
  leave(
    deps: { readonly clock: Clock; readonly limits: Limits },
    sessions: Sessions,
    begin: () => void,
    givenUp: AbortSignal,
  ): Promise<void>;
  /** Ends what streams this one passes on; resolves when the calls that it has passed on have ended. */
  drain(givenUp: AbortSignal): Promise<void>;
  close(): void;
}

/** Makes it; undefined if this instance is the only one. */
export function createNeighbourhood(isShared = false): Neighbourhood | undefined {
  if (!isShared) return undefined;
  let joined: Neighbours | undefined;
  let stopHearing = (): void => {};
  return {
    get() {
      if (joined === undefined) throw new GatewayError("starting");
      return joined;
    },
    join(neighbours, sessions, transport) {
      joined = neighbours;
      stopHearing = neighbours.ownership.onLost((key) => {
        loseSession(sessions, key);
        loseLine(transport, key);
      });
    },
    async leave(deps, sessions, begin, givenUp) {
      if (joined === undefined || !await hasOther(joined)) return;
      begin();
      const { ownership } = joined;
      await ownership.leaveSoon();
      // What looks whether this instance is ready takes new clients elsewhere by then.
      const noticed = sleep(deps.clock, deps.limits.leaveMsMin, givenUp);
      await handSessionsOver(sessions, deps, givenUp);
      await noticed;
      await handSessionsOver(sessions, deps, givenUp);
      await joined.forwarder.callsEnded(givenUp);
    },
    async drain(givenUp) {
      joined?.forwarder.endStreams();
      await joined?.forwarder.callsEnded(givenUp);
    },
    close: () => stopHearing(),
  };
}

/** Whether another instance takes what this one gives away. */
async function hasOther({ ownership }: Neighbours): Promise<boolean> {
  const all = await ownership.instances().catch(() => []);
  return all.some(({ name, isDraining }) => name !== ownership.name && !isDraining);
}
