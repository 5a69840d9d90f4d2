/**
 * Tries servers before the first client needs them: each once, a few at a time, in the order of the
 * configuration. A trial that takes long gives its turn to the next one, so that a server that
 * hangs holds up no others; a place in the queue never expires.
 */
import type { Clock } from "../clock.ts";
import type { Limits } from "../limits.ts";
import type { Server } from "./server.ts";

/** The trials that are due. */
export interface Trials {
  add(server: Server): void;
  /** Takes a server out again that was removed before its turn came. */
  remove(server: Server): void;
  isWaiting(server: Server): boolean;
  close(): void;
}

/** Makes an empty queue. */
export function createTrials(
  { clock, limits }: {
    readonly clock: Clock;
    readonly limits: Pick<Limits, "startsMax" | "startBusyMs">;
  },
): Trials {
  const waiting = new Set<Server>();
  let busy = 0;
  let cancelPump: (() => void) | undefined;

  const run = async (server: Server): Promise<void> => {
    busy += 1;
    let isCounted = true;
    const release = (): void => {
      if (isCounted) busy -= 1;
      isCounted = false;
      pump();
    };
    const cancelRelease = clock.after(limits.startBusyMs, release);
    await server.upstream.trial();
    cancelRelease();
    release();
  };
  const pump = (): void => {
    for (const server of waiting) {
      if (busy >= limits.startsMax) return;
      waiting.delete(server);
      void run(server);
    }
  };

  return {
    add(server) {
      if (server.config.start === "onDemand") return;
      waiting.add(server);
      // After all servers of a configuration were added.
      cancelPump ??= clock.after(0, () => {
        cancelPump = undefined;
        pump();
      });
    },
    remove: (server) => void waiting.delete(server),
    isWaiting: (server) => waiting.has(server),
    close() {
      cancelPump?.();
      waiting.clear();
    },
  };
}
