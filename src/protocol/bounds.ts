/**
 * Limits on what peers send and the gateway keeps, as parts of schemas: each refusal names the size
 * and the limit. Also here: which members of an object to keep if some are too large.
 */
import * as v from "valibot";
import type { JsonObject } from "../model.ts";
import { isJsonObject, isSafeText } from "./jsonrpc.ts";

const encoder = new TextEncoder();

/** The size of a value as JSON. */
function jsonBytes(value: unknown): number {
  return encoder.encode(JSON.stringify(value) ?? "").byteLength;
}

/** Whether a value takes more than `bytesMax` bytes as JSON. */
export function exceeds(value: unknown, bytesMax: number): boolean {
  const { length } = JSON.stringify(value) ?? "";
  // A character is at most three bytes.
  return length > bytesMax || (3 * length > bytesMax && jsonBytes(value) > bytesMax);
}

/** An object of at most `bytesMax` bytes as JSON. */
export function boundedObject(bytesMax: number) {
  return v.pipe(
    v.custom<JsonObject>(isJsonObject, "must be an object"),
    v.check(
      (value) => !exceeds(value, bytesMax),
      ({ input }) => `is ${jsonBytes(input)} bytes of JSON; at most ${bytesMax} are taken`,
    ),
  );
}

/** A text of at most `charsMax` characters. */
export function boundedText(charsMax: number, problem = "must be a string") {
  return v.pipe(
    v.string(problem),
    v.maxLength(
      charsMax,
      ({ input }) => `is ${input.length} characters long; at most ${charsMax} are taken`,
    ),
  );
}

/** The same without control characters and lone surrogates. */
export function boundedSafeText(charsMax: number) {
  return v.pipe(
    boundedText(charsMax),
    v.check(isSafeText, "must be free of control characters and lone surrogates"),
  );
}

/** The members of an object that fit, in their order, into `bytesMax` bytes of JSON. */
export function membersWithin(value: JsonObject, bytesMax: number): JsonObject {
  if (!exceeds(value, bytesMax)) return value;
  let bytes = 0;
  const kept = Object.entries(value).filter(([name, member]) => {
    const size = jsonBytes(name) + jsonBytes(member);
    if (bytes + size > bytesMax) return false;
    bytes += size;
    return true;
  });
  return Object.fromEntries(kept) as JsonObject;
}
