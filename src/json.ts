/** What a parsed JSON value is, and its text whatever the order of its members. */

/** Whether a parsed value is an object (and no array, nor a number kept by its digits). */
export function isJsonObject(value: unknown): value is { [key: string]: unknown } {
  return typeof value === "object" && value !== null && !Array.isArray(value) &&
    !JSON.isRawJSON(value);
}

/** A member's value before it is written; `key` is "" for the value itself. */
export type ReplaceMember = (key: string, value: unknown) => unknown;

/** A parsed value as JSON in which the members of objects are sorted by their names (UTF-16). */
export function toCanonicalJson(
  value: unknown,
  replace: ReplaceMember = (_, same) => same,
): string {
  return write("", value, replace) ?? "null";
}

/** Undefined for a value that JSON does not have. */
function write(key: string, given: unknown, replace: ReplaceMember): string | undefined {
  const value = replace(key, given);
  if (Array.isArray(value)) {
    return `[${value.map((item, at) => write(String(at), item, replace) ?? "null").join(",")}]`;
  }
  if (!isJsonObject(value)) return JSON.stringify(value);
  const names = Object.keys(value);
  if (names.length > 1) names.sort();
  let text = "{";
  for (const name of names) {
    const member = write(name, value[name], replace);
    if (member === undefined) continue;
    if (text.length > 1) text += ",";
    text += `${JSON.stringify(name)}:${member}`;
  }
  return `${text}}`;
}
