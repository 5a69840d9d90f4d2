/** The form of a new key, as the command line and the admin API give it, and of a listed one. */
import * as v from "valibot";
import type { Limits } from "../limits.ts";
import { AccessError } from "../access_error.ts";
import type { StoredKey } from "./key_store.ts";

/** A key to add. */
export interface NewKey {
  /** Unique among the keys. */
  readonly name: string;
  /** Absent: none. */
  readonly roles?: readonly string[] | undefined;
  /** The servers that it is limited to; `*` stands for any characters. Absent: all. */
  readonly servers?: readonly string[] | undefined;
  /** The same for tools, by the servers' own names. */
  readonly tools?: readonly string[] | undefined;
  /** When it expires, as ISO 8601 with a time zone. Absent: never. */
  readonly expiresAt?: string | undefined;
}

/** A key, as lists show it; times are ISO 8601. */
export interface ListedKey extends NewKey {
  readonly createdAt: string;
  /** The last use, which is stored with a delay. Absent: it was never used. */
  readonly usedAt?: string | undefined;
  readonly isExpired: boolean;
}

/** The form of a new key within these limits. */
function newKeyForm(
  { accessNameCharsMax, keyNamesMax, nameCharsMax }: Pick<
    Limits,
    "accessNameCharsMax" | "keyNamesMax" | "nameCharsMax"
  >,
) {
  const shortName = `1 to ${accessNameCharsMax} letters, digits, ".", "_" and "-", no sign first`;
  const name = v.pipe(
    v.string(shortName),
    v.maxLength(accessNameCharsMax, shortName),
    v.regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, shortName),
  );
  const pattern = v.pipe(
    v.string("a name, in which * stands for any characters"),
    v.minLength(1, "a name, in which * stands for any characters"),
    v.maxLength(nameCharsMax, `at most ${nameCharsMax} characters`),
  );
  const listOf = <Item extends v.GenericSchema<string>>(item: Item) =>
    v.optional(v.pipe(
      v.array(item, "a list of names"),
      v.maxLength(keyNamesMax, `at most ${keyNamesMax} names`),
    ));
  const expected = "a date with a time and a time zone, such as 2027-01-31T00:00:00Z";
  return v.strictObject({
    name,
    roles: listOf(name),
    servers: listOf(pattern),
    tools: listOf(pattern),
    expiresAt: v.optional(v.pipe(v.string(expected), v.isoTimestamp(expected))),
  }, "an object with name, and none but servers, tools, roles and expiresAt");
}

/** Checks a new key. Throws an AccessError with the first problem. */
export function readNewKey(value: unknown, limits: Limits): NewKey {
  const result = v.safeParse(newKeyForm(limits), value);
  if (result.success) return result.output;
  const [issue] = result.issues;
  const place = v.getDotPath(issue);
  const subject = place === null ? "this key" : `"${place}" of a key`;
  throw new AccessError("access_invalid", `Cannot use ${subject}: expected ${issue.message}`);
}

/** A stored key, as lists show it. */
export function toListedKey(key: StoredKey, now: number): ListedKey {
  const { name, roles, servers, tools, createdAt, expiresAt, usedAt } = key;
  return {
    name,
    ...(roles.length > 0 && { roles }),
    ...(servers !== undefined && { servers }),
    ...(tools !== undefined && { tools }),
    createdAt: toText(createdAt),
    ...(expiresAt !== undefined && { expiresAt: toText(expiresAt) }),
    ...(usedAt !== undefined && { usedAt: toText(usedAt) }),
    isExpired: expiresAt !== undefined && expiresAt <= now,
  };
}

const toText = (time: number): string => new Date(time).toISOString();
