/**
 * Work on the same thing one after the other: after a change of the configuration two providers of
 * one credential live for a while, and a refresh token that both used would be worth nothing.
 */

/** Runs work when all that was given before it under this name is over. */
export type KeyedMutex = <Value>(name: string, work: () => Promise<Value>) => Promise<Value>;

/** Makes it; each name has turns of its own. */
export function createKeyedMutex(): KeyedMutex {
  const last = new Map<string, Promise<unknown>>();
  return async (name, work) => {
    const before = last.get(name);
    const turn = (async () => {
      await before?.catch(() => {});
      return await work();
    })();
    last.set(name, turn);
    try {
      return await turn;
    } finally {
      if (last.get(name) === turn) last.delete(name);
    }
  };
}
