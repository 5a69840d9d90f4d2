/**
 * The supported keywords of a schema, and their valid values. Documents contain every possible
 * mistake ("required": true, types that do not exist, patterns of other languages). A keyword with
 * an invalid value is dropped, and the schema says less. Keywords that contain schemas are in
 * schema_maker.ts. JSON Schema 2020-12.
 */
import { isJsonObject } from "../../../json.ts";
import type { JsonObject } from "../../../model.ts";
import {
  assertions as known,
  isPattern as isPortable,
} from "../../../protocol/json_schema/keywords.ts";
import type { SchemaPurpose } from "../../../protocol/json_schema/schema_reading.ts";

const types = new Set(["string", "number", "integer", "boolean", "array", "object", "null"]);
const isText = (value: unknown) => typeof value === "string";

/** Assertions that an argument is checked by. The type is read separately. */
export const assertions: Readonly<Record<string, (value: unknown) => boolean>> = {
  ...Object.fromEntries(
    [...known].filter(([keyword]) => keyword !== "type").map(([keyword, { fits }]) => [
      keyword,
      fits,
    ]),
  ),
  const: (value) => value !== undefined,
  pattern: isPattern,
  contentEncoding: isText,
  contentMediaType: isText,
};

/** Keywords whose value is a schema. */
export const schemaKeywords: readonly string[] = [
  "additionalProperties",
  "propertyNames",
  "contains",
  "not",
  "if",
  "then",
  "else",
];

/** The valid types of a schema; undefined: it names none. */
export function toTypes(value: unknown): readonly string[] | undefined {
  const known = (Array.isArray(value) ? value : [value])
    .filter((type): type is string => typeof type === "string" && types.has(type));
  return known.length === 0 ? undefined : [...new Set(known)];
}

/**
 * Whether a value is a pattern that all readers accept; checks leave patterns out, models use them.
 */
export function isPattern(value: unknown): boolean {
  return typeof value === "string" && value.length <= patternCharsMax && isPortable(value);
}

const patternCharsMax = 256;

/** A flag of 3.0 next to a bound, expressed by the bound alone. */
export function withPlainBounds(schema: JsonObject): JsonObject {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, ...rest } = schema;
  return {
    ...rest,
    ...(exclusiveMinimum === true ? { exclusiveMinimum: minimum } : { minimum, exclusiveMinimum }),
    ...(exclusiveMaximum === true ? { exclusiveMaximum: maximum } : { maximum, exclusiveMaximum }),
  };
}

/** Examples for the model: few and small. */
export function toExamples(schema: JsonObject): unknown[] | undefined {
  const { example, examples } = schema;
  const all = Array.isArray(examples) ? examples : example === undefined ? [] : [example];
  const small = all.slice(0, examplesMax)
    .filter((one) => (JSON.stringify(one) ?? "").length <= exampleCharsMax);
  return small.length === 0 ? undefined : small;
}

const examplesMax = 3;
const exampleCharsMax = 200;

/** Whether a schema is for answers alone, or for requests alone. */
export function isHidden(schema: unknown, purpose: SchemaPurpose): boolean {
  return isJsonObject(schema) && schema[purpose === "argument" ? "readOnly" : "writeOnly"] === true;
}

/** The value of `type` for these types. */
export function toType(types: readonly string[]): unknown {
  return types.length === 1 ? types[0] : types;
}

/** What an API may answer where its document allows these types. */
export function relax(types: readonly string[]): readonly string[] {
  return [...new Set([...types.map((type) => type === "integer" ? "number" : type), "null"])];
}

/** The keywords of a schema that state something about single values. */
export function pickAssertions(value: Readonly<Record<string, unknown>>): JsonObject {
  return Object.fromEntries(
    Object.entries(assertions).filter(([keyword, fits]) =>
      Object.hasOwn(value, keyword) && fits(value[keyword])
    ).map(([keyword]) => [keyword, value[keyword]]),
  );
}

/** The same schema, which null fits as well. */
export function allowNull(schema: JsonObject): JsonObject {
  const { type, enum: choices, anyOf, oneOf } = schema;
  const out = { ...schema };
  if (Array.isArray(choices) && !choices.includes(null)) out["enum"] = [...choices, null];
  if (type !== undefined) {
    out["type"] = [...new Set([type, "null"].flat())];
    return out;
  }
  if (Array.isArray(anyOf)) return { ...out, anyOf: [...anyOf, { type: "null" }] };
  if (Array.isArray(oneOf)) return { ...out, oneOf: [...oneOf, { type: "null" }] };
  if (schema["$ref"] === undefined && schema["allOf"] === undefined) return out;
  const { description, ...rest } = out;
  return {
    anyOf: [rest, { type: "null" }],
    ...(description === undefined ? {} : { description }),
  };
}
