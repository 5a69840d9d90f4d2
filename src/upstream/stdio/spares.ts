/**
 * The ceiling that the spares of all servers share. No caller waits for a spare: it starts while
 * nothing else does, and some time after the last one, so that spares do not compete with starts
 * that callers wait for. What a spare is: spare.ts.
 */
import type { Clock } from "../../clock.ts";
import type { Limits } from "../../limits.ts";
import type { Evictable, ProcessLimit, Spares, SpareSeat } from "../deps.ts";

interface Wish {
  readonly connection: Evictable;
  readonly start: (seat: SpareSeat) => void;
  /** Set while it waits in the limit. */
  giveUp?: () => void;
}

/** Makes the ceiling; first come, first served. */
export function createSpares(
  limits: Pick<Limits, "sparesMax" | "startBusyMs">,
  clock: Clock,
  processLimit: Pick<ProcessLimit, "acquireQuietly">,
): Spares {
  const wishes: Wish[] = [];
  let seats = 0;
  let cancelNext: (() => void) | undefined;

  const serveIn = (ms: number): void => {
    cancelNext?.();
    cancelNext = clock.after(ms, () => {
      cancelNext = undefined;
      serve();
    });
  };
  const serve = (): void => {
    const [first] = wishes;
    if (first === undefined || first.giveUp !== undefined || seats >= limits.sparesMax) return;
    first.giveUp = processLimit.acquireQuietly(first.connection, (place) => {
      wishes.shift();
      seats++;
      // Until then this start has the processor for itself.
      serveIn(limits.startBusyMs);
      first.start({ place, free: once(leave) });
    });
  };
  const leave = (): void => {
    seats--;
    serveIn(0);
  };

  return {
    count: () => seats,
    want(connection, start) {
      const wish: Wish = { connection, start };
      wishes.push(wish);
      if (cancelNext === undefined) serveIn(0);
      return () => {
        const at = wishes.indexOf(wish);
        if (at < 0) return;
        wishes.splice(at, 1);
        wish.giveUp?.();
        if (cancelNext === undefined) serveIn(0);
      };
    },
  };
}

function once(work: () => void): () => void {
  let isDone = false;
  return () => {
    if (isDone) return;
    isDone = true;
    work();
  };
}
