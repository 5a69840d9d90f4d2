/**
 * What a tool's result was shortened from by the upstream that made it, so that the gateway can keep
 * the whole. It is found by the result itself: one that is changed afterwards has no whole.
 */
import type { JsonObject } from "./model.ts";

/** The whole, and the way to mention it to the reader. */
export interface WholeResult {
  readonly text: string;
  readonly mimeType: string;
  /** The shortened result with one more sentence for its reader. */
  noted(sentence: string): JsonObject;
}

const wholes = new WeakMap<JsonObject, WholeResult>();

/** Remembers the whole of a shortened result. */
export function noteWhole(shortened: JsonObject, whole: WholeResult): void {
  wholes.set(shortened, whole);
}

/** The whole of a result; undefined: it is whole itself. */
export function wholeOf(result: JsonObject): WholeResult | undefined {
  return wholes.get(result);
}
