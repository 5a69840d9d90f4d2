/**
 * A queue whose owners take turns: an owner with a hundred items delays another by one turn, not by
 * a hundred. An owner is a path, such as a principal and one of its sessions: principals take
 * turns, and so do the sessions of each among themselves. Items of one owner keep their order. The
 * caller bounds the size, and decides how long an item waits.
 */

/** Whose an item is, from the widest group to the narrowest. */
export type OwnerPath = readonly string[];

/** The queue. */
export interface FairQueue<Item> {
  size(): number;
  add(owner: OwnerPath, item: Item): void;
  /** The item whose turn is next; it stays in the queue. */
  first(): Item | undefined;
  /** Takes out the item whose turn is next; its owner goes behind the others. */
  next(): Item | undefined;
  /** The first item of an owner that fits, by turn: an owner whose first does not delays no other. */
  firstWhere(fits: (item: Item) => boolean): Item | undefined;
  /** Takes that item out; its owner goes behind the others. */
  nextWhere(fits: (item: Item) => boolean): Item | undefined;
  /** Takes out all items of a kind. */
  removeWhere(isGone: (item: Item) => boolean): Item[];
  /** How many items go before one more of this owner, at most. */
  ahead(owner: OwnerPath): number;
  /**
   * Takes out the last item of the owner that has most, if that owner has more than this one would.
   * A full queue makes room this way; undefined: this owner is the one with most.
   */
  takeFromLongest(owner: OwnerPath): Item | undefined;
}

/** The items of one owner, and those of the owners below it. */
interface Turns<Item> {
  size: number;
  readonly items: Item[];
  /** The part whose turn is next comes first; none is empty. */
  readonly parts: Map<string, Turns<Item>>;
}

/** Makes an empty queue. */
export function createFairQueue<Item>(): FairQueue<Item> {
  const all = makeTurns<Item>();
  return {
    size: () => all.size,
    add: (owner, item) => add(all, owner, item),
    first: () => firstWhere(all, always),
    next: () => nextWhere(all, always),
    firstWhere: (fits) => firstWhere(all, fits),
    nextWhere: (fits) => nextWhere(all, fits),
    removeWhere: (isGone) => removeWhere(all, isGone),
    ahead: (owner) => ahead(all, owner),
    takeFromLongest: (owner) => takeFromLongest(all, owner),
  };
}

function makeTurns<Item>(): Turns<Item> {
  return { size: 0, items: [], parts: new Map() };
}

function add<Item>(turns: Turns<Item>, [name, ...rest]: OwnerPath, item: Item): void {
  turns.size += 1;
  if (name === undefined) return void turns.items.push(item);
  let part = turns.parts.get(name);
  if (part === undefined) {
    part = makeTurns();
    turns.parts.set(name, part);
  }
  add(part, rest, item);
}

const always = (): boolean => true;

function firstWhere<Item>(
  { items, parts }: Turns<Item>,
  fits: (item: Item) => boolean,
): Item | undefined {
  const [first] = items;
  if (first !== undefined && fits(first)) return first;
  for (const part of parts.values()) {
    const found = firstWhere(part, fits);
    if (found !== undefined) return found;
  }
  return undefined;
}

function nextWhere<Item>(
  turns: Turns<Item>,
  fits: (item: Item) => boolean,
): Item | undefined {
  const { items, parts } = turns;
  const [first] = items;
  if (first !== undefined && fits(first)) {
    turns.size -= 1;
    return items.shift();
  }
  for (const [name, part] of parts) {
    const item = nextWhere(part, fits);
    if (item === undefined) continue;
    turns.size -= 1;
    parts.delete(name);
    if (part.size > 0) parts.set(name, part);
    return item;
  }
  return undefined;
}

function removeWhere<Item>(turns: Turns<Item>, isGone: (item: Item) => boolean): Item[] {
  const { items, parts } = turns;
  const gone = items.filter(isGone);
  if (gone.length > 0) items.splice(0, items.length, ...items.filter((one) => !gone.includes(one)));
  for (const [name, part] of [...parts]) {
    gone.push(...removeWhere(part, isGone));
    if (part.size === 0) parts.delete(name);
  }
  turns.size -= gone.length;
  return gone;
}

function ahead<Item>({ items, parts }: Turns<Item>, [name, ...rest]: OwnerPath): number {
  if (name === undefined) return items.length;
  const part = parts.get(name);
  const own = part === undefined ? 0 : ahead(part, rest);
  let sum = items.length + own;
  for (const other of parts.values()) if (other !== part) sum += Math.min(other.size, own + 1);
  return sum;
}

function takeFromLongest<Item>(
  turns: Turns<Item>,
  [name, ...rest]: OwnerPath,
): Item | undefined {
  const { parts } = turns;
  if (name === undefined) return undefined;
  const own = parts.get(name);
  const ownSize = own?.size ?? 0;
  const longest = longestOf(parts);
  if (longest === undefined) return undefined;
  const isOwn = longest[1].size <= ownSize;
  const [from, part] = isOwn && own !== undefined ? [name, own] : longest;
  if (!isOwn && part.size <= ownSize + 1) return undefined;
  const item = isOwn ? takeFromLongest(part, rest) : takeLast(part);
  if (item === undefined) return undefined;
  turns.size -= 1;
  if (part.size === 0) parts.delete(from);
  return item;
}

/** The part with most items; of two, the one whose turn is sooner. */
function longestOf<Item>(parts: Turns<Item>["parts"]): [string, Turns<Item>] | undefined {
  let longest: [string, Turns<Item>] | undefined;
  for (const one of parts) {
    if (longest === undefined || one[1].size > longest[1].size) longest = one;
  }
  return longest;
}

function takeLast<Item>(turns: Turns<Item>): Item | undefined {
  const { items, parts } = turns;
  const longest = longestOf(parts);
  const item = longest === undefined ? items.pop() : takeLast(longest[1]);
  if (item === undefined) return undefined;
  turns.size -= 1;
  if (longest !== undefined && longest[1].size === 0) parts.delete(longest[0]);
  return item;
}
