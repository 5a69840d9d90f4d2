/**
 * The text that a value was read from. A long result passes the gateway as the text that came:
 * a change of a result makes another object, which has no text, so that the two never differ.
 * Only values that are never changed in place may be kept here.
 */
import type { JsonObject } from "./model.ts";

const texts = new WeakMap<JsonObject, string>();

/** Keeps the text of a value that was read from it. */
export function keepSourceText(value: JsonObject, text: string): void {
  texts.set(value, text);
}

/** The text that a value was read from; undefined if it has none. */
export function sourceTextOf(value: JsonObject): string | undefined {
  return texts.get(value);
}

/** A value as text: the one that it came as, or else a new one. */
export function textOfValue(value: JsonObject): string {
  return texts.get(value) ?? JSON.stringify(value);
}

/**
 * The value with more members, which replace its own; a text that it was read from gets them too,
 * where nothing is replaced.
 */
export function withMembers(value: JsonObject, added: JsonObject): JsonObject {
  const whole = { ...value, ...added };
  const text = texts.get(value);
  if (text === undefined) return whole;
  const names = Object.keys(added);
  const isSpliced = names.length > 0 && Object.keys(value).length > 0 &&
    !names.some((name) => Object.hasOwn(value, name));
  if (isSpliced) {
    texts.set(whole, `${text.slice(0, text.lastIndexOf("}"))},${JSON.stringify(added).slice(1)}`);
  }
  return whole;
}
