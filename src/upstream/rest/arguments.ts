/**
 * Checks the arguments of a call, with errors on which a model can act: which argument, the
 * expectation, the allowed values. Not here: the request that they become (rest_request.ts).
 */
import { nearestName } from "../../config/nearest.ts";
import { GatewayError } from "../../errors.ts";
import { quoteJson } from "../../excerpt.ts";
import { isJsonObject } from "../../json.ts";
import type { Limits } from "../../limits.ts";
import type { JsonObject } from "../../model.ts";
import { compileSchema, loosen, type Mismatch, walkSchema } from "./schema_check.ts";

/** Returns the arguments in their intended types. Throws `invalid_params` with sentences. */
export type CheckArguments = (given: unknown) => JsonObject;

/** Problems in one error, and values of a list that it names. */
const problemsMax = 5;
const namedMax = 40;
const quotedCharsMax = 80;

/** Makes the check of one tool's arguments. */
export function createArgumentsCheck(
  inputSchema: JsonObject,
  limits: Pick<Limits, "schemaStepsMax">,
): CheckArguments {
  const schemas = new Map(
    isJsonObject(inputSchema["properties"]) ? Object.entries(inputSchema["properties"]) : [],
  );
  const required = Array.isArray(inputSchema["required"]) ? inputSchema["required"] : [];
  const schemaOf = (name: string) => resolve(schemas.get(name), inputSchema);
  const check = compileSchema(withAnyChoice(loosen(inputSchema)), limits, false);

  return (given = {}) => {
    if (!isJsonObject(given)) throw refuse(["Cannot take the arguments: they must be an object"]);
    // An argument may be called "constructor", and must not be found in an object without it.
    const meant = toBare(
      Object.entries(given)
        .filter(([name, value]) => value !== null || acceptsNull(schemaOf(name)))
        .map(([name, value]) => [name, toMeant(value, schemaOf(name))] as const),
    );
    const unknown = Object.keys(meant).filter((name) => !schemas.has(name));
    const missing = required.map(String).filter((name) => meant[name] === undefined);
    const problems = [
      ...unknown.map((name) => toUnknown(name, [...schemas.keys()])),
      ...missing.map((name) => {
        const expected = expect(schemaOf(name));
        return `Argument "${name}" is missing${
          expected === undefined ? "" : `: it must be ${expected}`
        }`;
      }),
    ];
    if (problems.length > 0) throw refuse(problems);
    const verdict = check(meant);
    if (verdict.state !== "differs") return meant;
    throw refuse(toProblems(verdict.mismatches, meant, schemaOf));
  };
}

/** Documents use "one of" for objects that match several choices; their APIs accept such values. */
function withAnyChoice(schema: unknown): unknown {
  return walkSchema(schema, () => true, ({ oneOf, ...others }) => {
    if (oneOf === undefined) return others;
    const { anyOf, allOf = [] } = others;
    if (anyOf === undefined) return { ...others, anyOf: oneOf };
    return { ...others, allOf: [...Array.isArray(allOf) ? allOf : [], { anyOf: oneOf }] };
  });
}

/** An object with these members only, without those that every object inherits. */
export function toBare(entries: readonly (readonly [string, unknown])[]): JsonObject {
  return Object.assign(Object.create(null), Object.fromEntries(entries));
}

function refuse(problems: readonly string[]): GatewayError {
  const more = problems.length - problemsMax;
  const told = problems.slice(0, problemsMax).join(". ").replaceAll("?. ", "? ");
  return new GatewayError("invalid_params", more > 0 ? `${told}. There are ${more} more` : told);
}

function toUnknown(name: string, known: readonly string[]): string {
  const near = nearestName(name, known);
  if (near !== undefined) return `There is no argument ${quote(name)}: did you mean "${near}"?`;
  return known.length === 0
    ? `There is no argument ${quote(name)}: this tool takes none`
    : `There is no argument ${quote(name)}: known are ${toList(known)}`;
}

/** One sentence for each invalid argument. */
function toProblems(
  mismatches: readonly Mismatch[],
  meant: JsonObject,
  schemaOf: (name: string) => unknown,
): string[] {
  const deepest = new Map<string, Mismatch>();
  for (const mismatch of mismatches) {
    const [name] = mismatch.path;
    if (name === undefined) continue;
    const known = deepest.get(name);
    if (known === undefined || mismatch.path.length > known.path.length) {
      deepest.set(name, mismatch);
    }
  }
  if (deepest.size === 0) {
    return [
      `Cannot take the arguments together: ${mismatches.at(-1)?.reason ?? "they do not fit"}`,
    ];
  }
  return [...deepest].map(([name, { path, reason }]) => {
    const within = path.slice(1);
    if (within.length > 0) return `Argument "${name}" is wrong at /${within.join("/")}: ${reason}`;
    const expected = expect(schemaOf(name));
    return expected === undefined
      ? `Argument "${name}" is wrong: ${reason}`
      : `Argument "${name}" must be ${expected}, not ${quote(meant[name])}`;
  });
}

/** The expectation of an argument in words; undefined if that would be too long. */
function expect(schema: unknown): string | undefined {
  if (!isJsonObject(schema)) return undefined;
  const { type, enum: values, const: value, anyOf, oneOf } = schema;
  if (Array.isArray(values)) return `one of ${toList(values)}`;
  if (value !== undefined) return quote(value);
  const choices = anyOf ?? oneOf ??
    (Array.isArray(type) ? type.map((one: unknown) => ({ ...schema, type: one })) : undefined);
  if (Array.isArray(choices)) {
    const told = choices.map(expect);
    return told.includes(undefined) ? undefined : told.join(" or ");
  }
  switch (type) {
    case "string":
      return `a text${toBounds(schema, "minLength", "maxLength", " characters")}`;
    case "integer":
      return `a whole number${toBounds(schema, "minimum", "maximum", "")}`;
    case "number":
      return `a number${toBounds(schema, "minimum", "maximum", "")}`;
    case "boolean":
      return "true or false";
    case "null":
      return "null";
    case "array": {
      const item = expect(schema["items"]);
      const list = `a list${toBounds(schema, "minItems", "maxItems", " items")}`;
      return item === undefined ? list : `${list} in which each item is ${item}`;
    }
    case "object":
      return "an object";
    default:
      return undefined;
  }
}

function toBounds(schema: JsonObject, least: string, most: string, unit: string): string {
  const [min, max] = [schema[least], schema[most]];
  if (min !== undefined && max !== undefined) return ` of ${quote(min)} to ${quote(max)}${unit}`;
  if (min !== undefined) return ` of at least ${quote(min)}${unit}`;
  return max === undefined ? "" : ` of at most ${quote(max)}${unit}`;
}

function toList(values: readonly unknown[]): string {
  const more = values.length - namedMax;
  const named = values.slice(0, namedMax).map(quote).join(", ");
  return more > 0 ? `${named} and ${more} more` : named;
}

function quote(value: unknown): string {
  return quoteJson(value, quotedCharsMax);
}

/** Models write 7 for "7"; in the request both are the same. */
function toMeant(value: unknown, schema: unknown): unknown {
  if (!isJsonObject(schema)) return value;
  const { type, items } = schema;
  if (Array.isArray(value)) return value.map((item: unknown) => toMeant(item, items));
  const types: unknown[] = Array.isArray(type) ? type : [type];
  const isText = types.includes("string") && !types.includes("number") &&
    !types.includes("integer");
  return isText && isNumber(value) ? JSON.stringify(value) : value;
}

function isNumber(value: unknown): boolean {
  return typeof value === "number" ||
    (typeof value === "object" && value !== null && JSON.isRawJSON(value));
}

/** Some models write null to leave an argument out. */
function acceptsNull(schema: unknown): boolean {
  if (!isJsonObject(schema)) return false;
  const { type, enum: values, anyOf, oneOf } = schema;
  return type === "null" || (Array.isArray(type) && type.includes("null")) ||
    (Array.isArray(values) && values.includes(null)) ||
    [anyOf, oneOf].some((list) => Array.isArray(list) && list.some(acceptsNull));
}

/** The schema that a reference within the same schema leads to. */
function resolve(schema: unknown, root: JsonObject): unknown {
  const reference = isJsonObject(schema) ? schema["$ref"] : undefined;
  if (typeof reference !== "string") return schema;
  const name = /^#\/\$defs\/([^/]+)$/.exec(reference)?.[1];
  const defs = root["$defs"];
  return name !== undefined && isJsonObject(defs) ? defs[name] : schema;
}
