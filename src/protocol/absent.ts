/**
 * What is absent, however a program writes it: `null` stands for a member that is not there, `[]` for
 * an empty object (PHP) and `{}` for an empty list (Lua). Readers say what a member holds, so that all
 * of them come out as one: left out where the member is optional, empty where it is due. What no
 * reader is named for is data and stays as it came. Values that are right pass without a copy.
 */
import type { JsonObject } from "../model.ts";
import { isJsonObject } from "./jsonrpc.ts";

/** A member's value as it is meant; undefined: absent. */
export type Reader = (value: unknown) => unknown;

/** The readers of an object's members, by name. */
export type Members = Readonly<Record<string, Reader>>;

/** Anything: `null` is absent. */
export const value: Reader = (given) => given === null ? undefined : given;

/** An object, whose members are data. */
export const object: Reader = (given) => isEmptyList(given) ? {} : value(given);

/** An object with these members; those that are not named are data. */
export function members(table: Members): Reader {
  const readers = new Map(Object.entries(table));
  return (given) => {
    const read = object(given);
    return isJsonObject(read) ? readMembers(read, (name) => readers.get(name)) : read;
  };
}

/** An object whose members all hold the same. */
export function entries(reader: Reader): Reader {
  return (given) => {
    const read = object(given);
    return isJsonObject(read) ? readMembers(read, () => reader) : read;
  };
}

/** A list of the same; items that are absent go. */
export function each(reader: Reader): Reader {
  return (given) => {
    if (!Array.isArray(given)) return isEmptyObject(given) ? [] : value(given);
    if (given.every((item: unknown) => reader(item) === item && item !== undefined)) return given;
    return given.map((item: unknown) => reader(item)).filter((item) => item !== undefined);
  };
}

/** A member that must be there: where its value is absent, the plainest one. */
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

function readMembers(
  given: JsonObject,
  readerOf: (name: string) => Reader | undefined,
): JsonObject {
  let read = given;
  for (const [name, member] of Object.entries(given)) {
    const reader = member === undefined ? undefined : readerOf(name);
    const meant = reader === undefined ? member : reader(member);
    if (meant === member) continue;
    if (read === given) read = { ...given };
    if (meant === undefined) delete read[name];
    else read[name] = meant;
  }
  return read;
}
