/**
 * The keywords of JSON Schema as rows, for drafts 6 to 2020-12: which ones hold schemas, and what
 * the values of the others must be. If one value is wrong, a validator refuses the whole schema.
 * Not here: references and identifiers (references.ts), and the handling of wrong values
 * (sound.ts).
 */
import { isJsonObject } from "../jsonrpc.ts";

/** The form in which a keyword holds schemas. */
export type Holding = "schema" | "list" | "map";

/** The keywords that hold schemas. */
export const holdings: ReadonlyMap<string, Holding> = new Map([
  ...[
    "additionalItems",
    "additionalProperties",
    "contains",
    "contentSchema",
    "else",
    "if",
    "items",
    "not",
    "propertyNames",
    "then",
    "unevaluatedItems",
    "unevaluatedProperties",
  ].map((key) => [key, "schema"] as const),
  ...["allOf", "anyOf", "oneOf", "prefixItems"].map((key) => [key, "list"] as const),
  ...["$defs", "definitions", "dependentSchemas", "patternProperties", "properties"]
    .map((key) => [key, "map"] as const),
]);

/** What a keyword's value must be. */
export interface Expectation {
  readonly expected: string;
  readonly fits: (value: unknown) => boolean;
}

const types = new Set(["string", "number", "integer", "boolean", "array", "object", "null"]);
const isText = (value: unknown): value is string => typeof value === "string";
const isFlag = (value: unknown) => typeof value === "boolean";
// Numbers beyond 2^53 are kept by their digits.
const isNumber = (value: unknown) =>
  typeof value === "number" ? Number.isFinite(value) : JSON.isRawJSON(value);
const isCount = (value: unknown) =>
  typeof value === "number"
    ? Number.isInteger(value) && value >= 0
    : JSON.isRawJSON(value) && /^\d+$/.test(JSON.stringify(value));
const isTexts = (value: unknown) => Array.isArray(value) && value.every(isText);

/** Whether a value is one of the seven types, or a list of some. */
export function isType(value: unknown): boolean {
  if (!Array.isArray(value)) return isText(value) && types.has(value);
  return value.length > 0 && value.every((one) => types.has(one)) &&
    new Set(value).size === value.length;
}

/**
 * Whether every client can compile this pattern. Clients read ECMA-262 with the `u` flag (ajv), and
 * some engines from before 2025 have no `(?i:…)` and no repeated group names.
 */
export function isPattern(value: unknown): boolean {
  if (!isText(value)) return false;
  try {
    new RegExp(value, "u");
  } catch {
    return false;
  }
  if (!value.includes("(?")) return true;
  const bare = value.replace(/\\[^]|\[(?:\\[^]|[^\]\\])*\]/g, "");
  const names = bare.match(/\(\?<[^=!>][^>]*>/g) ?? [];
  return !/\(\?[a-z]*-?[a-z]*:/.test(bare.replaceAll("(?:", "")) &&
    new Set(names).size === names.length;
}

const count: Expectation = { expected: "an integer of at least 0", fits: isCount };
const number: Expectation = { expected: "a number", fits: isNumber };

/** Assertions: keywords that check values. */
export const assertions: ReadonlyMap<string, Expectation> = new Map<string, Expectation>([
  ["type", { expected: "a type of JSON Schema, or a list of some", fits: isType }],
  ["enum", {
    expected: "a list with at least one value",
    fits: (value) => Array.isArray(value) && value.length > 0,
  }],
  ["multipleOf", {
    expected: "a number above 0",
    fits: (value) => isNumber(value) && Number(JSON.stringify(value)) > 0,
  }],
  ["maximum", number],
  ["exclusiveMaximum", number],
  ["minimum", number],
  ["exclusiveMinimum", number],
  ["maxLength", count],
  ["minLength", count],
  ["pattern", { expected: "a regular expression of ECMA-262 with the u flag", fits: isPattern }],
  ["maxItems", count],
  ["minItems", count],
  ["uniqueItems", { expected: "true or false", fits: isFlag }],
  ["maxContains", count],
  ["minContains", count],
  ["maxProperties", count],
  ["minProperties", count],
  ["required", { expected: "a list of property names", fits: isTexts }],
  ["dependentRequired", {
    expected: "an object of lists of property names",
    fits: (value) => isJsonObject(value) && Object.values(value).every(isTexts),
  }],
  // A validator may look formats up in an object, which inherits some names.
  ["format", {
    expected: "the name of a format",
    fits: (value) => isText(value) && !(value in Object.prototype),
  }],
]);

/** Remarks: they check nothing, so a wrong one can be dropped by itself. */
export const remarks: ReadonlyMap<string, (value: unknown) => boolean> = new Map<
  string,
  (value: unknown) => boolean
>([
  ["title", isText],
  ["description", isText],
  ["$comment", isText],
  ["contentEncoding", isText],
  ["contentMediaType", isText],
  ["deprecated", isFlag],
  ["readOnly", isFlag],
  ["writeOnly", isFlag],
  ["examples", Array.isArray],
  ["$id", isText],
  ["$anchor", isText],
  ["$dynamicAnchor", isText],
  ["$recursiveAnchor", isFlag],
  ["$vocabulary", isJsonObject],
]);

/** Keywords whose value is data, where null is a value like any other. */
export const dataKeywords: ReadonlySet<string> = new Set(["const", "default"]);

/**
 * Names of schemas, and related keywords. `$id` comes first, because it changes the base of the
 * others.
 */
export const identifiers: ReadonlySet<string> = new Set([
  "$id",
  "$anchor",
  "$dynamicAnchor",
  "$recursiveAnchor",
  "$vocabulary",
]);

const others: ReadonlySet<string> = new Set([
  "$schema",
  "$ref",
  "$dynamicRef",
  "$recursiveRef",
  "$async",
  "id",
  "dependencies",
  "nullable",
]);

/** One keyword, with its entries in the tables above. */
export interface Keyword {
  readonly holding: Holding | undefined;
  readonly assertion: Expectation | undefined;
  readonly remark: ((value: unknown) => boolean) | undefined;
  readonly isData: boolean;
}

/** All keywords that validators know. */
export const keywords: ReadonlyMap<string, Keyword> = new Map(
  [holdings, assertions, remarks, dataKeywords, identifiers, others]
    .flatMap((table) => [...table.keys()])
    .map((key) => [key, {
      holding: holdings.get(key),
      assertion: assertions.get(key),
      remark: remarks.get(key),
      isData: dataKeywords.has(key),
    }]),
);
