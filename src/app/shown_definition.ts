/** A tool's definition as an operator may read it: no character in it is hidden, and no secret in it. */
import { isJsonObject } from "../json.ts";
import type { JsonObject } from "../model.ts";
import { showUnseen } from "../unseen_characters.ts";

/** The same definition; `hide` replaces the secrets in a text. */
export function toShown(definition: JsonObject, hide: (text: string) => string): JsonObject {
  const toText = (text: string) => showUnseen(hide(text));
  const toValue = (value: unknown): unknown => {
    if (typeof value === "string") return toText(value);
    if (Array.isArray(value)) return value.map(toValue);
    return isJsonObject(value) ? toObject(value) : value;
  };
  const toObject = (value: JsonObject): JsonObject =>
    Object.fromEntries(
      Object.entries(value).map(([name, member]) => [toText(name), toValue(member)]),
    );
  return toObject(definition);
}
