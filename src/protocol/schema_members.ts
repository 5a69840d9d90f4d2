/**
 * The keywords of JSON Schema that some servers write as `null` if absent, or as `[]` for an empty
 * object, at any depth. One of these makes a compiler refuse the whole schema. User data
 * (`default`, `const`, `examples`, the items of `enum`) stays as it came. Schemas are read, never
 * resolved or run.
 */
import { each, entries, members, object, type Reader, value } from "./absent.ts";
import { isAbsent } from "./jsonrpc.ts";

/** A schema without absent keywords; undefined if the whole schema is absent. */
export const cleanSchema: Reader = (given) => isAbsent(given) ? undefined : schema(given);

const subschema: Reader = (given) => schema(given);
const subschemas: Reader = (given) =>
  Array.isArray(given) && given.length > 0 ? each(subschema)(given) : subschema(given);
const byName = entries(subschema);
const choices = each(subschema);

/** Keywords with a plain value. */
const plain = [
  ...["$schema", "$id", "$anchor", "$ref", "$dynamicRef", "$dynamicAnchor", "$comment"],
  ...["type", "enum", "format", "pattern", "title", "description", "examples", "nullable"],
  ...["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"],
  ...["minLength", "maxLength", "minItems", "maxItems", "uniqueItems", "minContains"],
  ...["maxContains", "minProperties", "maxProperties", "deprecated", "readOnly", "writeOnly"],
  ...["contentEncoding", "contentMediaType"],
];

const schema: Reader = members({
  ...Object.fromEntries(plain.map((name) => [name, value])),
  ...Object.fromEntries(
    ["properties", "patternProperties", "$defs", "definitions", "dependentSchemas"]
      .map((name) => [name, byName]),
  ),
  ...Object.fromEntries(
    ["additionalProperties", "propertyNames", "unevaluatedProperties", "contains", "not", "if"]
      .concat("then", "else", "additionalItems", "unevaluatedItems", "contentSchema")
      .map((name) => [name, subschema]),
  ),
  ...Object.fromEntries(
    ["allOf", "anyOf", "oneOf", "prefixItems"].map((name) => [name, choices]),
  ),
  items: subschemas,
  required: each(value),
  dependentRequired: object,
});
