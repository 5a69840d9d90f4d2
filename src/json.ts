/** What a parsed JSON value is. */

/** Whether a parsed value is an object (and no array, nor a number kept by its digits). */
export function isJsonObject(value: unknown): value is { [key: string]: unknown } {
  return typeof value === "object" && value !== null && !Array.isArray(value) &&
    !JSON.isRawJSON(value);
}

/** A parsed value as JSON in which the members of objects are sorted by their names (UTF-16). */
export function toCanonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(toCanonicalJson).join(",")}]`;
  if (!isJsonObject(value)) return JSON.stringify(value) ?? "null";
  const names = Object.keys(value);
  if (names.length > 1) names.sort();
  let text = "{";
  for (const name of names) {
    if (text.length > 1) text += ",";
    text += `${JSON.stringify(name)}:${toCanonicalJson(value[name])}`;
  }
  return `${text}}`;
}
