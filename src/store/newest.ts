/** A map as a bounded list of the newest entries: putting an entry again makes it the newest. */

/** Puts an entry in as the newest. */
export function putNewest<Value>(entries: Map<string, Value>, key: string, value: Value): void {
  entries.delete(key);
  entries.set(key, value);
}

/** Removes the oldest entries that `isOf` chooses until at most `max` of them are left. */
export function keepNewest<Value>(
  entries: Map<string, Value>,
  max: number,
  isOf: (value: Value) => boolean = () => true,
): void {
  const chosen = [...entries].filter(([, value]) => isOf(value)).map(([key]) => key);
  for (const key of chosen.slice(0, Math.max(0, chosen.length - max))) entries.delete(key);
}
