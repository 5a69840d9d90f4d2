/**
 * Absent and empty members, however a program writes them: some write `null` for an absent member,
 * `[]` for an empty object (PHP) or `{}` for an empty list (Lua). A reader knows the type of a
 * member, so all these spellings give the same: no member if it is optional, an empty one if it is
 * required. A member without a reader is data and stays as it came. Correct values pass without a
 * copy.
 */
import type { JsonObject } from "../model.ts";
import { isJsonObject } from "./jsonrpc.ts";

/** Reads a member's value as it is meant; undefined: absent. */
export type Reader = (value: unknown) => unknown;

/** The readers of an object's members, by name. */
export type MemberReaders = Readonly<Record<string, Reader>>;

/** Anything: `null` is absent. */
export const value: Reader = (given) => given === null ? undefined : given;

/** An object, whose members are data. */
export const object: Reader = (given) => isEmptyList(given) ? {} : value(given);

/** An object with these members; those that are not named are data. */
export function members(table: MemberReaders): Reader {
  const readers = new Map(Object.entries(table));
  return (given) => readObject(given, readers, undefined);
}

/** An object whose members all have the same reader. */
export function entries(reader: Reader): Reader {
  return (given) => readObject(given, undefined, reader);
}

/** A list whose items all have the same reader; absent items are dropped. */
export function each(reader: Reader): Reader {
  return (given) => {
    if (!Array.isArray(given)) return isEmptyObject(given) ? [] : value(given);
    if (given.every((item: unknown) => reader(item) === item)) return given;
    return given.map((item: unknown) => reader(item)).filter((item) => item !== undefined);
  };
}

/** A required member; if its value is absent, it gets the plainest one. */
export function due(reader: Reader, plainest: () => unknown): Reader {
  return (given) => reader(given) ?? plainest();
}

/** A required text. */
export const dueText: Reader = due(value, () => "");

/** A required object. */
export const dueObject = (reader: Reader): Reader => due(reader, () => ({}));

/** A required list. */
export const dueEach = (reader: Reader): Reader => due(each(reader), () => []);

function isEmptyList(given: unknown): boolean {
  return Array.isArray(given) && given.length === 0;
}

function isEmptyObject(given: unknown): boolean {
  return isJsonObject(given) && Object.keys(given).length === 0;
}

/** Runs for every message: an object without absent members costs one look at each member. */
function readObject(
  given: unknown,
  readers: ReadonlyMap<string, Reader> | undefined,
  forAll: Reader | undefined,
): unknown {
  if (typeof given !== "object" || given === null || Array.isArray(given)) return object(given);
  const holder = given as JsonObject;
  let read = holder;
  // Parsed JSON has no inherited members.
  for (const name in holder) {
    const member = holder[name];
    const reader = member === undefined ? undefined : forAll ?? readers?.get(name);
    const meant = reader === undefined ? member : reader(member);
    if (meant === member) continue;
    if (read === holder) read = { ...holder };
    if (meant === undefined) delete read[name];
    else read[name] = meant;
  }
  return read;
}
