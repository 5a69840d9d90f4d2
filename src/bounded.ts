/**
 * Maps and sets that cannot grow without end: entries stand in the order in which they were put,
 * and the oldest gives way when there are too many.
 */

/** Puts an entry last, also one that the map had. */
export function putWithin<Key, Value>(
  map: Map<Key, Value>,
  key: Key,
  value: Value,
  entriesMax: number,
): void {
  map.delete(key);
  map.set(key, value);
  dropOldest(map, entriesMax);
}

/** Adds a value, last unless the set had it. */
export function addWithin<Value>(set: Set<Value>, value: Value, valuesMax: number): void {
  set.add(value);
  dropOldest(set, valuesMax);
}

function dropOldest<Key>(
  kept: { readonly size: number; keys(): Iterator<Key>; delete(key: Key): boolean },
  itemsMax: number,
): void {
  if (kept.size <= itemsMax) return;
  const oldest = kept.keys().next();
  if (oldest.done !== true) kept.delete(oldest.value);
}
