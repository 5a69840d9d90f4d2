/**
 * Schemas of keys that several kinds of servers share. The message of each is the expectation in
 * error texts. A key has the same meaning in all kinds of servers, because they share its schema.
 */
import { isJsonObject } from "../json.ts";
import * as v from "valibot";
import { defaultLimits } from "../limits.ts";
import { serverCredentialsSchema } from "./credentials_schema.ts";

/** Any text. */
export const text = v.pipe(
  v.string("a string"),
  v.check((value) => !value.includes("\0"), "a string without NUL characters"),
);

/** A text that is not empty. */
export const filledText = v.pipe(text, v.nonEmpty("a string that is not empty"));

/** A list of texts. */
export const texts = v.array(text, "a list of strings");

/** True or false. */
export const flag = v.boolean("true or false");

const timeExpected = `a whole number of milliseconds from 1 to ${defaultLimits.timerMsMax}`;

/** A duration that a timer can take. */
export const time = v.pipe(
  v.number(timeExpected),
  v.integer(timeExpected),
  v.minValue(1, timeExpected),
  v.maxValue(defaultLimits.timerMsMax, timeExpected),
);

const { resultCharsMin, resultCharsMost } = defaultLimits;
const charsExpected = `a whole number of characters from ${resultCharsMin} to ${resultCharsMost}`;

/** The most characters of a tool's result. */
export const resultChars = v.pipe(
  v.number(charsExpected),
  v.integer(charsExpected),
  v.minValue(resultCharsMin, charsExpected),
  v.maxValue(resultCharsMost, charsExpected),
);

/** An object as a Map, since a record would drop keys such as `constructor`. */
export function mapOf<Value extends v.GenericSchema>(value: Value, expected: string) {
  return v.pipe(
    v.custom<Record<string, unknown>>(isJsonObject, expected),
    v.transform((members) => new Map<unknown, unknown>(Object.entries(members))),
    v.map(v.string(expected), value, expected),
  );
}

/** Keys of servers that are reached over HTTP. */
export const headers = v.optional(
  mapOf(v.union([text, v.number(), v.boolean()], "a string"), "an object of strings"),
);
export const baseUrl = v.optional(filledText);

/** How the gateway authenticates to a server. */
export const credentials = v.optional(serverCredentialsSchema);

/** The checked values of these keys. */
export type HeadersEntry = v.InferOutput<typeof headers>;
export type ServerCredentialsKey = v.InferOutput<typeof credentials>;
