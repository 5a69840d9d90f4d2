/** What a parsed JSON value is. */

/** Whether a parsed value is an object (and no array, nor a number kept by its digits). */
export function isJsonObject(value: unknown): value is { [key: string]: unknown } {
  return typeof value === "object" && value !== null && !Array.isArray(value) &&
    !JSON.isRawJSON(value);
}
