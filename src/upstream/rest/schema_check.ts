/**
 * JSON Schemas of other authors, made harmless (case A13). Keywords that could take exponential
 * time (patterns, comparisons of all items) or lead outside the schema are left out, and a check
 * visits a bounded number of schemas. Formats are annotations in 2020-12, so they are left out too.
 */
import { type OutputUnit, type Schema, Validator } from "@cfworker/json-schema";
import { isJsonObject } from "../../json.ts";
import type { Limits } from "../../limits.ts";
import type { JsonObject } from "../../model.ts";
import { holdings } from "../../protocol/json_schema/keywords.ts";

/** The result of a check; `unknown`: it would have taken too long, or the schema is invalid. */
export type CheckResult =
  | { readonly state: "fits" | "unknown" }
  | { readonly state: "differs"; readonly mismatches: readonly Mismatch[] };

/** One mismatch; the most specific ones come last. */
export interface Mismatch {
  /** Keys and indexes from the root of the value. */
  readonly path: readonly string[];
  readonly reason: string;
}

/** Checks values against one schema. */
export type Check = (value: unknown) => CheckResult;

const dropped = new Set([
  "$id",
  "id",
  "$schema",
  "$anchor",
  "$dynamicRef",
  "$dynamicAnchor",
  "$recursiveRef",
  "$recursiveAnchor",
  "$vocabulary",
  "pattern",
  "patternProperties",
  "format",
  "uniqueItems",
  "unevaluatedProperties",
  "unevaluatedItems",
  "dependencies",
  // From older drafts, and an annotation.
  "additionalItems",
  "contentSchema",
]);
/**
 * Keywords that a check reads besides schemas; all others are annotations, which must not be read
 * as schemas.
 */
const plain = new Set([
  "$ref",
  "type",
  "enum",
  "const",
  "required",
  "dependentRequired",
  "minProperties",
  "maxProperties",
  "minContains",
  "maxContains",
  "minItems",
  "maxItems",
  "minLength",
  "maxLength",
  "minimum",
  "maximum",
  "exclusiveMinimum",
  "exclusiveMaximum",
  "multipleOf",
]);

/**
 * The schema without parts that could harm the checker; it allows at least what the original
 * allows.
 */
export function loosen(schema: unknown): unknown {
  return walkSchema(schema, (key, holder) => {
    if (dropped.has(key)) return false;
    if (key === "$ref") return typeof holder[key] === "string" && holder[key].startsWith("#");
    // Properties that a pattern allowed next to the known ones must stay allowed.
    return key !== "additionalProperties" || holder["patternProperties"] === undefined;
  });
}

/** A check by a schema from `loosen`. */
export function compileSchema(
  schema: unknown,
  { schemaStepsMax: stepsMax }: Pick<Limits, "schemaStepsMax">,
  shortCircuit = true,
): Check {
  let steps = 0;
  const counted = walkSchema(schema, isRead, (copy) => {
    const { type } = copy;
    // Counts each visit of the schema.
    return Object.defineProperty(copy, "type", {
      enumerable: true,
      get() {
        if ((steps += 1) > stepsMax) throw new RangeError("Too many schemas to look at");
        return type;
      },
    });
  });
  let validator: Validator | undefined;
  return (value) => {
    steps = 0;
    try {
      validator ??= new Validator(counted as Schema, "2020-12", shortCircuit);
      const { valid, errors } = validator.validate(toChecked(value));
      return valid ? { state: "fits" } : { state: "differs", mismatches: errors.map(toMismatch) };
    } catch {
      return { state: "unknown" };
    }
  };
}

function isRead(key: string): boolean {
  return holdings.has(key) || plain.has(key);
}

/** A copy of a schema with some of its keywords, including nested schemas. */
export function walkSchema(
  schema: unknown,
  keeps: (key: string, holder: JsonObject) => boolean,
  finish: (copy: JsonObject) => JsonObject = (copy) => copy,
): unknown {
  if (!isJsonObject(schema)) return typeof schema === "boolean" ? schema : {};
  const within = (value: unknown) => walkSchema(value, keeps, finish);
  const entries = Object.entries(schema).filter(([key]) => keeps(key, schema));
  return finish(Object.fromEntries(entries.map(([key, value]) => {
    const holding = holdings.get(key);
    if (holding === "schema") return [key, within(value)];
    if (holding === "list" && Array.isArray(value)) return [key, value.map(within)];
    if (holding !== "map" || !isJsonObject(value)) return [key, value];
    const members = Object.entries(value).map(([name, member]) => [name, within(member)]);
    return [key, Object.fromEntries(members)];
  })));
}

/** Numbers that keep their digits count as numbers, unless clients would read infinity. */
function toChecked(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(toChecked);
  if (typeof value !== "object" || value === null) return value;
  if (JSON.isRawJSON(value)) {
    const number = Number(JSON.stringify(value));
    return Number.isFinite(number) ? number : undefined;
  }
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, toChecked(one)]));
}

function toMismatch({ instanceLocation, error }: OutputUnit): Mismatch {
  const path = instanceLocation.split("/").slice(1).map((part) => {
    // In the validator's form: pointers within a URL.
    return decodeURIComponent(part).replaceAll("~1", "/").replaceAll("~0", "~");
  });
  return { path, reason: error.replace(/\.$/, "") };
}
