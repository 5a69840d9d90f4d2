/**
 * JSON values that are too long for a model, shortened so that they keep their shape. All lists get
 * the same maximum of items, so the longest lose most. Then long texts are cut. Objects lose keys
 * only if nothing else helps. What was left out is listed beside the value, or marked in its place.
 * Not here: texts (part_border.ts), and results of several pieces (cut_content.ts).
 */
import { truncate } from "../excerpt.ts";
import { isJsonObject } from "../json.ts";
import type { JsonObject } from "../model.ts";

/** The main list of an answer: the answer itself, or the largest list in it. */
export interface MainList {
  /** Names of members from the answer to it, for display. */
  readonly path: readonly string[];
  readonly length: number;
}

/** A shortened answer. */
export interface Truncation {
  readonly value: unknown;
  readonly main: MainList | undefined;
  /** The index of the main list's first missing item; undefined if none is missing. */
  readonly nextItem: number | undefined;
  /** What else was left out, in words; empty if nothing was. */
  readonly leftOut: readonly string[];
}

/** The limits on a value. */
interface Measure {
  readonly itemsMax: number;
  readonly textMax: number;
  /** Whether objects lose keys, too. */
  readonly keys: boolean;
  readonly members: Members;
  /** Whether a list or object says at its end how much of it is missing. */
  readonly marks: boolean;
}

/** An object's members, listed once for all visits: it may have a million. */
type Members = (value: JsonObject) => readonly Member[];
type Member = readonly [key: string, value: unknown];

function createMembers(): Members {
  const known = new WeakMap<JsonObject, readonly Member[]>();
  return (value) => {
    const members = known.get(value) ??
      Object.keys(value).map((key): Member => [key, value[key]]);
    known.set(value, members);
    return members;
  };
}

/**
 * The share of the whole that one text may take. If a list keeps too few items, the next is tried.
 */
const textShares = [Infinity, 1 / 6, 1 / 24, 1 / 120, 1 / 480] as const;
const itemsWanted = 8;

/** How a value is shortened. */
export interface TruncationOptions {
  /** The first items of the main list that are left out; absent: none. */
  readonly skip?: number;
  /**
   * Whether a list or object says at its end how much of it is missing: for readers who expect no
   * schema. Absent: it does not.
   */
  readonly marks?: boolean;
}

/**
 * Shortens a value to `charsMax` characters of JSON; a value of many nested members may stay longer.
 */
export function truncateToFit(
  whole: unknown,
  charsMax: number,
  { skip = 0, marks = false }: TruncationOptions = {},
): Truncation {
  const main = findMainList(whole);
  const value = skip === 0 || main === undefined ? whole : withoutFirst(whole, main, skip);
  const start = main === undefined ? 0 : Math.min(skip, main.length);
  const members = createMembers();
  const everything = { itemsMax: Infinity, textMax: Infinity, keys: false, members, marks };
  if (fits(value, everything, charsMax)) {
    return { value, main, nextItem: undefined, leftOut: [] };
  }
  const measure = findMeasure(value, { members, marks }, charsMax);
  const lost = new Set<string>();
  const small = shrink(value, measure, { lost, skippable: findSkippable(value, main) });
  const isShorter = main !== undefined && main.length - start > measure.itemsMax;
  return {
    value: small,
    main,
    nextItem: isShorter ? start + measure.itemsMax : undefined,
    leftOut: [...lost],
  };
}

function findMeasure(
  value: unknown,
  how: Pick<Measure, "members" | "marks">,
  charsMax: number,
): Measure {
  const toMeasure = (share: number) => (itemsMax: number): Measure => ({
    itemsMax,
    textMax: Math.ceil(share * charsMax),
    keys: share === textShares.at(-1),
    ...how,
  });
  const share = textShares.find((one) => fits(value, toMeasure(one)(itemsWanted), charsMax));
  const measure = toMeasure(share ?? textShares[4]);
  let [low, high] = [1, 2];
  while (high <= charsMax && fits(value, measure(high), charsMax)) [low, high] = [high, high * 2];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (fits(value, measure(middle), charsMax)) low = middle;
    else high = middle;
  }
  return measure(low);
}

/**
 * Whether a value within these limits has at most `charsMax` characters; stops when it has more.
 */
function fits(value: unknown, measure: Measure, charsMax: number): boolean {
  let left = charsMax;
  const take = (chars: number) => (left -= chars) >= 0;
  const visit = (one: unknown): boolean => {
    if (typeof one === "string") {
      return take(JSON.stringify(one.slice(0, Math.min(measure.textMax, left + 1))).length + 1);
    }
    if (Array.isArray(one)) {
      const items = firstOf(one, measure.itemsMax);
      return take(2 + markChars(measure, one.length - items.length)) &&
        items.every((item) => take(1) && visit(item));
    }
    if (!isJsonObject(one)) return take(JSON.stringify(one ?? null).length);
    const entries = entriesOf(one, measure);
    return take(2 + markChars(measure, measure.members(one).length - entries.length)) &&
      entries.every(([key, member]) => take(JSON.stringify(key).length + 2) && visit(member));
  };
  return visit(value);
}

/** What a shortened value lost. Lists that the client can skip through are described elsewhere. */
interface Losses {
  readonly lost: Set<string>;
  readonly skippable: ReadonlySet<unknown>;
}

/** The key of the member that says how many members are missing. */
const markKey = "…";

const markOf = (missing: number, what: string): string => `… ${missing} more ${what}`;

/** The most characters that a mark takes in JSON, with its key and commas; 0 where none is made. */
function markChars({ marks }: Measure, missing: number): number {
  return marks && missing > 0 ? markOf(missing, "members").length + 10 : 0;
}

function shrink(value: unknown, measure: Measure, losses: Losses): unknown {
  const { itemsMax, textMax, marks } = measure;
  const { lost, skippable } = losses;
  if (typeof value === "string" && value.length > textMax) {
    lost.add(`texts longer than ${textMax} characters are cut`);
    return truncate(value, textMax);
  }
  if (Array.isArray(value)) {
    if (value.length > itemsMax && !skippable.has(value)) {
      lost.add(`lists longer than ${itemsMax} items are cut`);
    }
    const kept = firstOf(value, itemsMax).map((item) => shrink(item, measure, losses));
    const missing = value.length - kept.length;
    return marks && missing > 0 ? [...kept, markOf(missing, "items")] : kept;
  }
  if (!isJsonObject(value)) return value;
  const entries = entriesOf(value, measure);
  const missing = measure.members(value).length - entries.length;
  if (missing > 0) lost.add("members of large objects are missing");
  const kept = entries.map(([key, member]): Member => [key, shrink(member, measure, losses)]);
  if (marks && missing > 0) kept.push([markKey, markOf(missing, "members")]);
  return Object.fromEntries(kept);
}

function firstOf(items: readonly unknown[], count: number): readonly unknown[] {
  return items.length > count ? items.slice(0, count) : items;
}

function entriesOf(value: JsonObject, measure: Measure): readonly Member[] {
  const { keys, itemsMax, textMax, members } = measure;
  if (!keys) return members(value);
  const entries: Member[] = [];
  for (const member of members(value)) {
    if (entries.length >= itemsMax) break;
    if (member[0].length <= textMax) entries.push(member);
  }
  return entries;
}

/** How deep to look for lists. */
const depthMax = 4;

/** The main list of an answer, or undefined if there is none. */
export function findMainList(value: unknown): MainList | undefined {
  let best: (MainList & { readonly weight: number }) | undefined;
  const visit = (one: unknown, path: readonly string[]) => {
    if (Array.isArray(one)) {
      const weight = weigh(one);
      if (best === undefined || weight > best.weight) best = { path, length: one.length, weight };
    } else if (isJsonObject(one) && path.length < depthMax) {
      for (const key of Object.keys(one)) visit(one[key], [...path, key]);
    }
  };
  visit(value, []);
  return best;
}

/** The rough size of a list, by the size of its first item. */
function weigh(items: readonly unknown[]): number {
  const [first] = items;
  return items.length * (1 + (first === undefined ? 0 : Math.min(weightMax, sizeOf(first))));
}

const weightMax = 500;

function sizeOf(value: unknown): number {
  let size = 0;
  const visit = (one: unknown): boolean => {
    size += typeof one === "string" ? one.length : 4;
    if (size > weightMax) return false;
    return typeof one !== "object" || one === null || Object.values(one).every(visit);
  };
  visit(value);
  return size;
}

/** The main list, and lists of the same length next to it: skipping applies to all of them. */
function findSkippable(value: unknown, main: MainList | undefined): ReadonlySet<unknown> {
  if (main === undefined) return new Set();
  let holder: unknown;
  let list = value;
  for (const name of main.path) {
    [holder, list] = [list, isJsonObject(list) ? list[name] : undefined];
  }
  const beside = isJsonObject(holder) ? Object.values(holder) : [];
  return new Set([list, ...beside.filter((one) => isAlike(one, list))]);
}

function isAlike(one: unknown, list: unknown): boolean {
  return Array.isArray(one) && Array.isArray(list) && one.length === list.length;
}

/** The value without the first items of its main list and of those next to it. */
function withoutFirst(value: unknown, main: MainList, count: number): unknown {
  const skippable = findSkippable(value, main);
  const visit = (one: unknown, depth: number): unknown => {
    if (Array.isArray(one)) return skippable.has(one) ? one.slice(count) : one;
    if (!isJsonObject(one) || depth >= main.path.length) return one;
    const entries = Object.entries(one).map(([key, member]) => {
      const isOnPath = depth === main.path.length - 1 || key === main.path[depth];
      return [key, isOnPath ? visit(member, depth + 1) : member];
    });
    return Object.fromEntries(entries);
  };
  return visit(value, 0);
}
