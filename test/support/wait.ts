/**
 * Waiting in tests: for a condition with a deadline, never for a fixed time. The deadlines only keep
 * a broken test from hanging; a busy machine must not reach them.
 */

/** What a process, and what is asked of it first, may take on a busy machine: never less. */
export const startMsMax = 60_000;

/** What one test or hook may take that names no time of its own. */
export const testMsMax = 120_000;

/** Resolves with the first truthy value of `probe`; rejects with `what` when the deadline passes. */
export async function until<T>(
  what: string,
  probe: () => T | Promise<T>,
  deadlineMs: number = startMsMax,
): Promise<Exclude<NonNullable<T>, false>> {
  const end = performance.now() + deadlineMs;
  for (;;) {
    const value = await probe();
    if (value) return value as Exclude<NonNullable<T>, false>;
    if (performance.now() > end) throw new Error(`Waited ${deadlineMs} ms in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** The promise's value, or a rejection with `what` when the deadline passes first. */
export async function within<T>(
  what: string,
  promise: Promise<T>,
  deadlineMs: number = startMsMax,
): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`Waited ${deadlineMs} ms in vain: ${what}`)),
      deadlineMs,
    );
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
