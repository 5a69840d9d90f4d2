/**
 * Work on the same thing, one after the other. After a change of the configuration two providers of
 * one credential live for a while, and a refresh token that both used would become invalid.
 */

/**
 * Runs work when all earlier work under this name is done. The signal aborts when others may work on
 * the same, because this work is not known to be the only one any more.
 */
export type KeyedMutex = <Value>(
  name: string,
  work: (lost: AbortSignal) => Promise<Value>,
) => Promise<Value>;

/** In one process, work is never lost. */
const neverLost = new AbortController().signal;

/** Makes the mutex; each name has its own queue. */
export function createKeyedMutex(): KeyedMutex {
  const last = new Map<string, Promise<unknown>>();
  return async (name, work) => {
    const before = last.get(name);
    const turn = (async () => {
      await before?.catch(() => {});
      return await work(neverLost);
    })();
    last.set(name, turn);
    try {
      return await turn;
    } finally {
      if (last.get(name) === turn) last.delete(name);
    }
  };
}
