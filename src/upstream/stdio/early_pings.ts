/**
 * Programs that ping as soon as they are greeted, and may stop or complain when a call comes before
 * the answer. Once one process of a server was seen to do so, the first calls of its later processes
 * wait until their ping has come, for a moment at most. Others wait for nothing.
 */
import { type Clock, sleep } from "../../clock.ts";
import type { Limits } from "../../limits.ts";

/** The first words of one process. */
export interface FirstWords {
  /** It has pinged, and is answered. */
  pinged(): void;
  /** It has answered a request that came after the handshake. */
  answered(): void;
  /** Resolves when its first call may be sent. */
  settled(): Promise<void>;
}

/** Remembers of one server whether its processes ping at once; gives the words of a new process. */
export function createEarlyPings(
  { limits, clock }: { readonly limits: Pick<Limits, "earlyPingMs">; readonly clock: Clock },
): () => FirstWords {
  let pingsEarly = false;
  return () => {
    const came = new AbortController();
    let isEarly = true;
    return {
      pinged() {
        pingsEarly ||= isEarly;
        came.abort();
      },
      answered: () => void (isEarly = false),
      async settled() {
        if (!pingsEarly) return;
        await sleep(clock, limits.earlyPingMs, came.signal);
        // It may have been replaced by a version that does not: the next one waits for nothing.
        pingsEarly = came.signal.aborted;
      },
    };
  };
}
