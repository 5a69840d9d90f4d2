/** What a parsed JSON value is. */
import type { JsonObject } from "./model.ts";

/** Whether a parsed value is an object (and no array, nor a number kept by its digits). */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value) &&
    !JSON.isRawJSON(value);
}
