/**
 * What is absent, however a program writes it: `null` stands for a member that is not there, `[]`
 * for an empty object (PHP) and `{}` for an empty list (Lua). Readers say what a member holds, so
 * that all of these come out the same: left out if the member is optional, empty if it is required.
 * A member without a reader is data and stays as it came. Correct values pass without a copy.
 */
import type { JsonObject } from "../model.ts";
import { isJsonObject } from "./jsonrpc.ts";

/** A member's value as it is meant; undefined: absent. */
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

/** An object whose members all hold the same. */
export function entries(reader: Reader): Reader {
  return (given) => readObject(given, undefined, reader);
}

/** A list of the same; items that are absent go. */
export function each(reader: Reader): Reader {
  return (given) => {
    if (!Array.isArray(given)) return isEmptyObject(given) ? [] : value(given);
    if (given.every((item: unknown) => reader(item) === item)) return given;
    return given.map((item: unknown) => reader(item)).filter((item) => item !== undefined);
  };
}

/** A required member: if its value is absent, the plainest one. */
export function due(reader: Reader, plainest: () => unknown): Reader {
  return (given) => reader(given) ?? plainest();
}

/** A text that must be there. */
export const dueText: Reader = due(value, () => "");

/** An object that must be there. */
export const dueObject = (reader: Reader): Reader => due(reader, () => ({}));

/** A list that must be there. */
export const dueEach = (reader: Reader): Reader => due(each(reader), () => []);

function isEmptyList(given: unknown): boolean {
  return Array.isArray(given) && given.length === 0;
}

function isEmptyObject(given: unknown): boolean {
  return isJsonObject(given) && Object.keys(given).length === 0;
}

/** Runs for every message: an object in which nothing is absent costs one look at each member. */
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
