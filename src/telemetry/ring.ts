/** The latest items of a stream: each new one takes the place of the oldest. */

/** A bounded list. */
export interface Ring<Item> {
  /** Adds an item; returns the one that left for it. */
  push(item: Item): Item | undefined;
  /** Removes and returns the oldest. */
  shift(): Item | undefined;
  /** All items, the oldest first. */
  toArray(): Item[];
}

/** Makes a list of at most `itemsMax` items. */
export function createRing<Item>(itemsMax: number): Ring<Item> {
  const items: (Item | undefined)[] = [];
  let first = 0;
  let count = 0;
  const shift = (): Item | undefined => {
    if (count === 0) return undefined;
    const item = items[first];
    items[first] = undefined;
    first = (first + 1) % itemsMax;
    count -= 1;
    return item;
  };
  return {
    push(item) {
      const left = count < itemsMax ? undefined : shift();
      items[(first + count) % itemsMax] = item;
      count += 1;
      return left;
    },
    shift,
    toArray: () =>
      Array.from({ length: count }, (_, index) => items[(first + index) % itemsMax] as Item),
  };
}
