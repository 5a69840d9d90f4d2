/**
 * A valibot schema as a JSON Schema, as far as the schemas of this project go, so that a JSON Schema
 * written for editors can be compared with what is really checked. Throws for what it does not know.
 */
import * as v from "valibot";
import type { JsonObject } from "../../src/model.ts";

/** One part of a pipe, or a schema: what all of them have is its type. */
interface Part {
  readonly kind: string;
  readonly type: string;
  readonly requirement?: unknown;
}

/** What a value must be to be accepted by `schema`, without descriptions. */
export function toJsonSchema(schema: v.GenericSchema): JsonObject {
  // Schemas of a pipe and its actions stand in one list; a schema without a pipe is its own.
  const parts = "pipe" in schema ? schema.pipe as readonly Part[] : [schema as Part];
  return Object.assign({}, ...parts.map(convertPart)) as JsonObject;
}

function convertPart(part: Part): JsonObject {
  const { requirement } = part;
  switch (part.type) {
    case "non_empty":
      return { minLength: 1 };
    case "regex":
      return { pattern: (requirement as RegExp).source };
    case "integer":
      return { type: "integer" };
    case "min_value":
      return { minimum: requirement };
    case "max_value":
      return { maximum: requirement };
    case "min_length":
      return { minItems: requirement };
    case "max_length":
      return { maxItems: requirement };
    case "transform":
      return {};
    default:
      return convertSchema(part as unknown as Known);
  }
}

type Known =
  | v.StringSchema<undefined>
  | v.NumberSchema<undefined>
  | v.BooleanSchema<undefined>
  | v.UnknownSchema
  | v.CustomSchema<unknown, undefined>
  | v.LiteralSchema<v.Literal, undefined>
  | v.PicklistSchema<string[], undefined>
  | v.ArraySchema<v.GenericSchema, undefined>
  | v.MapSchema<v.GenericSchema, v.GenericSchema, undefined>
  | v.UnionSchema<v.GenericSchema[], undefined>
  | v.StrictObjectSchema<v.ObjectEntries, undefined>
  | v.OptionalSchema<v.GenericSchema, unknown>
  | {
    readonly kind: "schema";
    readonly type: "variant";
    readonly options: readonly v.GenericSchema[];
  };

function convertSchema(schema: Known): JsonObject {
  switch (schema.type) {
    case "string":
    case "number":
    case "boolean":
      return { type: schema.type };
    case "unknown":
      return {};
    case "custom":
      return { type: "object" };
    case "literal":
      return { const: schema.literal };
    case "picklist":
      return { enum: [...schema.options] };
    case "array":
      return { type: "array", items: toJsonSchema(schema.item) };
    case "map": {
      const { pattern } = toJsonSchema(schema.key);
      return {
        type: "object",
        ...(pattern === undefined ? {} : { propertyNames: { pattern } }),
        additionalProperties: toJsonSchema(schema.value),
      };
    }
    case "union":
    case "variant":
      return { anyOf: schema.options.map(toJsonSchema) };
    case "optional":
      return {
        ...toJsonSchema(schema.wrapped),
        ...(schema.default === undefined ? {} : { default: schema.default }),
      };
    case "strict_object": {
      const entries = Object.entries(schema.entries) as [string, v.GenericSchema][];
      return {
        type: "object",
        properties: Object.fromEntries(entries.map(([key, entry]) => [key, toJsonSchema(entry)])),
        required: entries.filter(([, { type }]) => type !== "optional").map(([key]) => key).sort(),
        additionalProperties: false,
      };
    }
    default:
      throw new Error(`Cannot convert ${(schema as Part).type}: not known`);
  }
}
