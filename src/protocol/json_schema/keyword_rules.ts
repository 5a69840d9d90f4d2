/**
 * Keywords of a schema that have a rule of their own: references, dialects, flags of older drafts,
 * and what validators refuse although the specification allows it.
 */
import type { JsonObject } from "../../model.ts";
import { isJsonObject } from "../jsonrpc.ts";
import { assertions } from "./keywords.ts";
import {
  inside,
  type KeywordRule,
  leaveOut,
  note,
  readHeld,
  readSchema,
  type SchemaReading,
  unsound,
} from "./schema_reading.ts";

/** Dialects that clients know. */
export const knownDialect =
  /^https?:\/\/json-schema\.org\/draft(?:-0[67]|\/2019-09|\/2020-12)\/schema#?$/;

/** Draft 4's flags next to `minimum` and `maximum`. */
const bound: KeywordRule = (reading, holder, key) => {
  const value = holder[key];
  if (typeof value !== "boolean") {
    const assertion = assertions.get(key);
    if (assertion?.fits(value) === false) throw unsound(reading, value, assertion.expected);
    return;
  }
  const inclusive = key.replace("exclusiveM", "m");
  reading.edits.remove(holder, key);
  if (value && assertions.get(inclusive)?.fits(holder[inclusive])) {
    reading.edits.set(holder, key, holder[inclusive]);
    reading.edits.remove(holder, inclusive);
  }
  note(reading, `is ${value}, and was read as in draft 4`);
};

const reference: KeywordRule = (reading, holder, key, base) => {
  if (typeof holder[key] !== "string") throw unsound(reading, holder[key], "a reference");
  reading.references.add(holder, key, base, reading.path);
  return Infinity;
};

function required(reading: SchemaReading, holder: JsonObject, key: string): void {
  const value = holder[key];
  if (assertions.get(key)?.fits(value) === false) {
    throw unsound(reading, value, "a list of property names");
  }
  const once = [...new Set(value as string[])];
  if (once.length === (value as string[]).length) return;
  reading.edits.set(holder, key, once);
  note(reading, "names a property twice");
}

/** OpenAPI 3.0's flag, which ajv reads, but only next to a type. */
function nullable(reading: SchemaReading, holder: JsonObject, key: string): void {
  const { [key]: value, type } = holder;
  const hasType = type !== undefined && type !== null;
  const isNull = [type].flat().includes("null");
  if (typeof value === "boolean" && hasType && (value || !isNull)) return;
  // Without the flag, an answer of null would no longer fit.
  if (reading.purpose === "answer" && value !== false) {
    throw unsound(reading, value, 'a flag next to a "type"');
  }
  leaveOut(reading, holder, key);
}

/** The rules, by keyword. */
export const keywordRules: Readonly<Record<string, KeywordRule>> = Object.assign(
  Object.create(null),
  {
    $schema(reading, holder, key) {
      const value = holder[key];
      const isKnown = typeof value === "string" &&
        (reading.path.length > 1 || knownDialect.test(value));
      if (!isKnown) leaveOut(reading, holder, key);
    },
    $ref: reference,
    $dynamicRef: reference,
    $recursiveRef: reference,
    // Draft 4's name, and ajv's own flag: ajv refuses the first, and the second changes its
    // results.
    id: leaveOut,
    $async: leaveOut,
    exclusiveMinimum: bound,
    exclusiveMaximum: bound,
    items(reading, holder, key, base) {
      const isTuple = Array.isArray(holder[key]) && holder[key].length > 0;
      reading.hasTuples ||= isTuple;
      return readHeld(reading, holder, key, { holding: isTuple ? "list" : "schema", base });
    },
    dependencies(reading, holder, key, base) {
      const value = holder[key];
      if (!isJsonObject(value)) throw unsound(reading, value, "an object");
      const isNames = (name: string) => assertions.get("required")?.fits(value[name]) === true;
      return inside(
        reading,
        Object.keys(value),
        (name) => isNames(name) ? 0 : readSchema(reading, value[name], base),
      );
    },
    required,
    nullable,
  } satisfies Readonly<Record<string, KeywordRule>>,
);
