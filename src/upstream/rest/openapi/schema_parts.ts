/**
 * The keywords of a schema that hold schemas themselves: members, items, combinations. Not here:
 * how a schema within is made, and how deep (schema_maker.ts).
 */
import { isJsonObject } from "../../../json.ts";
import type { JsonObject } from "../../../model.ts";
import { isPattern, schemaKeywords } from "./schema_keywords.ts";
import { itemsOf } from "./tree.ts";

/** Makes a schema that stands within another. */
type MakeInner = (schema: unknown) => JsonObject;

/** Schemas of which a value fits all, some or one. */
export function toCombinations(
  value: JsonObject,
  inner: MakeInner,
  isAnswer: boolean,
): JsonObject {
  const out: JsonObject = {};
  for (const keyword of ["allOf", "anyOf", "oneOf"]) {
    const parts = itemsOf(value[keyword]).map(inner);
    if (parts.length === 0) continue;
    // An answer that fits two of several is no wrong answer.
    out[isAnswer && keyword === "oneOf" ? "anyOf" : keyword] = parts;
  }
  return out;
}

/** Keywords whose value is one schema. */
export function toParts(
  value: JsonObject,
  inner: MakeInner,
  isAnswer: boolean,
): JsonObject {
  const out: JsonObject = {};
  for (const keyword of isAnswer ? ["additionalProperties"] : schemaKeywords) {
    const part = value[keyword];
    if (isJsonObject(part)) out[keyword] = inner(part);
    else if (part === false && !isAnswer) out[keyword] = false;
    else if (part === true && keyword === "additionalProperties" && !isAnswer) {
      // Beside known members it says that there are others.
      out[keyword] = true;
    }
  }
  return out;
}

/** The members of objects, without those that are for the other direction. */
export function toMembers(
  value: JsonObject,
  inner: MakeInner,
  isAnswer: boolean,
  isHiddenHere: (schema: unknown) => boolean,
): JsonObject {
  const out: JsonObject = {};
  const { properties, patternProperties } = value;
  const hidden = new Set<string>();
  if (isJsonObject(properties)) {
    out["properties"] = Object.fromEntries(
      Object.entries(properties).flatMap(([name, schema]) => {
        if (!isHiddenHere(schema)) return [[name, inner(schema)]];
        hidden.add(name);
        return [];
      }),
    );
  }
  if (isJsonObject(patternProperties) && !isAnswer) {
    const known = Object.entries(patternProperties).filter(([pattern]) => isPattern(pattern));
    out["patternProperties"] = Object.fromEntries(
      known.map(([pattern, schema]) => [pattern, inner(schema)]),
    );
  }
  if (hidden.size > 0 && !isAnswer && Array.isArray(value["required"])) {
    out["required"] = value["required"].filter((name) => !hidden.has(name));
  }
  return out;
}

/** Lists: older documents write a list of schemas where 2020-12 has `prefixItems`. */
export function toItems(value: JsonObject, inner: MakeInner): JsonObject {
  const { items, prefixItems } = value;
  const first = Array.isArray(items) ? items : itemsOf(prefixItems);
  return {
    ...(first.length === 0 ? {} : { prefixItems: first.map(inner) }),
    ...(isJsonObject(items) ? { items: inner(items) } : {}),
  };
}
