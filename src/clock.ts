/**
 * Time and chance, so that a test can replay a run. Deadlines use `monotonic`, which never jumps;
 * `wall` is for display and storage.
 */

/** Where time and randomness come from. */
export interface Clock {
  /** Milliseconds since 1970. */
  wall(): number;
  /** Milliseconds since some fixed point. */
  monotonic(): number;
  /** Runs once after a time, unless cancelled by the returned function. */
  after(ms: number, run: () => void): () => void;
  /** At least 0, below 1. */
  random(): number;
}

/** The real clock. */
export const systemClock: Clock = {
  wall: () => Date.now(),
  monotonic: () => performance.now(),
  after: (ms, run) => {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
  random: () => Math.random(),
};

/** Resolves after a time, or earlier when the signal aborts. */
export function sleep(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const finish = () => {
      cancel();
      signal?.removeEventListener("abort", finish);
      resolve();
    };
    const cancel = clock.after(ms, finish);
    signal?.addEventListener("abort", finish);
  });
}

/**
 * Waits for a promise for a limited time. After that it rejects with the result of `late`, or
 * resolves with undefined if there is no `late`.
 */
export async function within<Value>(
  clock: Clock,
  ms: number,
  promise: Promise<Value>,
  late?: () => Error,
): Promise<Value | undefined> {
  const over = new AbortController();
  const end = sleep(clock, ms, over.signal).then(() => {
    if (late !== undefined && !over.signal.aborted) throw late();
    return undefined;
  });
  end.catch(() => {});
  try {
    return await Promise.race([promise, end]);
  } finally {
    over.abort();
  }
}
