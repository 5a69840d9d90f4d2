/** What a parsed JSON value is, and its text whatever the order of its members. */

/** Whether a parsed value is an object (and no array, nor a number kept by its digits). */
export function isJsonObject(value: unknown): value is { [key: string]: unknown } {
  return typeof value === "object" && value !== null && !Array.isArray(value) &&
    !JSON.isRawJSON(value);
}

/** A member's value before it is written; `key` is "" for the value itself. */
export type ReplaceMember = (key: string, value: unknown) => unknown;

/** JSON with the members of each object in one order. */
export function toCanonicalJson(
  value: unknown,
  replace: ReplaceMember = (_, same) => same,
): string {
  return JSON.stringify(value, (key, given: unknown) => {
    const member = replace(key, given);
    if (!isJsonObject(member)) return member;
    return Object.fromEntries(
      Object.entries(member).sort(([left], [right]) => left < right ? -1 : 1),
    );
  });
}
