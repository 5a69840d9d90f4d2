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

/** The bounds of a `SizedMap`. */
export interface SizedMapBounds {
  readonly entriesMax: number;
  readonly charsMax: number;
}

/** A map that counts the characters of its keys and values. */
export class SizedMap<Value> extends Map<string, Value> {
  #chars = 0;
  readonly #sizeOf: (value: Value) => number;

  constructor(sizeOf: (value: Value) => number) {
    super();
    this.#sizeOf = sizeOf;
  }

  override set(key: string, value: Value): this {
    this.delete(key);
    this.#chars += key.length + this.#sizeOf(value);
    return super.set(key, value);
  }

  override delete(key: string): boolean {
    const value = this.get(key);
    if (value !== undefined) this.#chars -= key.length + this.#sizeOf(value);
    return super.delete(key);
  }

  /** Puts an entry last; the oldest give way. One entry always fits. */
  putWithin(key: string, value: Value, { entriesMax, charsMax }: SizedMapBounds): void {
    this.set(key, value);
    while (this.size > entriesMax || (this.#chars > charsMax && this.size > 1)) {
      dropOldest(this, this.size - 1);
    }
  }
}

function dropOldest<Key>(
  kept: { readonly size: number; keys(): Iterator<Key>; delete(key: Key): boolean },
  itemsMax: number,
): void {
  if (kept.size <= itemsMax) return;
  const oldest = kept.keys().next();
  if (oldest.done !== true) kept.delete(oldest.value);
}
