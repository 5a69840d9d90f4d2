/**
 * Programs that ping as soon as the handshake is done. Some of them stop or complain if a call
 * arrives before the answer to their ping. Once one process of a server has done so, the first
 * calls of its later processes wait for their ping, for a moment at most. Calls to other servers do
 * not wait.
 */
import { type Clock, sleep } from "../../clock.ts";
import type { Limits } from "../../limits.ts";

/** The beginning of one process. */
export interface FirstWords {
  /** It has sent a ping and got the answer. */
  pinged(): void;
  /** It has answered a request after the handshake. */
  answered(): void;
  /** Resolves when its first call may be sent. */
  settled(): Promise<void>;
}

/**
 * Remembers whether the processes of one server ping at once; makes the record of a new process.
 */
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
        // A version without the ping may have replaced it: the next process waits for nothing.
        pingsEarly = came.signal.aborted;
      },
    };
  };
}
