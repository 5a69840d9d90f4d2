/**
 * A document's schemas as ones that are complete in themselves: references replaced by what they
 * stand for, and by `$defs` only where a schema contains itself; 3.0's own keywords in the words of
 * JSON Schema 2020-12; what is meant for the other direction left out. For answers little more than
 * types is kept, and null is allowed everywhere: an API that says slightly more or less than its
 * document is still understood. What is too deep or too much is cut. Not here: single keywords.
 */
import { isJsonObject } from "../../../json.ts";
import type { JsonObject } from "../../../model.ts";
import type { Documents, Located } from "./documents.ts";
import {
  assertions,
  isHidden,
  isPattern,
  schemaKeywords,
  toExamples,
  toTypes,
  withPlainBounds,
} from "./schema_keywords.ts";
import { cutText } from "./cut_text.ts";
import { itemsOf, member } from "./tree.ts";
import { Unusable } from "./unusable.ts";

/** How much of schemas is kept. */
export interface SchemaBounds {
  /** Levels within a schema. */
  readonly depthMax: number;
  /** Schemas within all schemas of one tool. */
  readonly schemasMax: number;
  /** Characters of a description. */
  readonly textMax: number;
}

/** Makes the schemas of one tool. */
export interface SchemaMaker {
  /** Throws Unusable for a reference that leads nowhere, and for too much. */
  make(at: Located): JsonObject;
  /** What schemas made so far refer to, as `#/$defs/…`. */
  readonly defs: JsonObject;
}

/** Deeper than anybody writes; a chain of references could be as long as its document. */
export const schemaDepthMax = 64;

/** A schema that is being made, for those within it that refer to it. */
interface Open {
  readonly name: string;
  isUsed: boolean;
}

/** Thrown when the bounds leave no room; another try may have other bounds. */
export class TooLarge extends Unusable {}

/** Makes the maker of one tool's schemas. */
export function createSchemaMaker(
  documents: Documents,
  purpose: "argument" | "answer",
  bounds: SchemaBounds,
): SchemaMaker {
  const defs: JsonObject = {};
  const open = new Map<unknown, Open>();
  const done = new Map<unknown, string>();
  /** Of both. */
  const names = new Set<string>();
  const isAnswer = purpose === "answer";
  let schemas = 0;

  const cut = (text: unknown) =>
    typeof text === "string" && text.trim() !== ""
      ? { description: cutText(text, bounds.textMax) }
      : {};

  const visit = (at: Located, depth: number): JsonObject => {
    schemas += 1;
    if (schemas > bounds.schemasMax) throw new TooLarge("its schemas are too large for a tool");
    const { value } = at;
    if (value === false) return { not: {} };
    if (!isJsonObject(value)) return {};
    if (typeof member(value, "$ref") === "string") return visitReference(value, at.base, depth);
    if (depth > bounds.depthMax) return cut(value["description"]);
    return withNull(toKeywords(value, at.base, depth), value);
  };

  const visitReference = (value: JsonObject, base: string, depth: number): JsonObject => {
    const { $ref, ...beside } = value;
    const schema = visitTarget(documents.follow({ value: { $ref }, base }), String($ref), depth);
    const { description } = cut(beside["description"]);
    const named = description === undefined ? schema : { ...schema, description };
    return withNull(named, beside);
  };

  /** What a reference leads to, written out once for each place, unless it contains itself. */
  const visitTarget = (target: Located, reference: string, depth: number): JsonObject => {
    const known = done.get(target.value);
    if (known !== undefined) return { $ref: known };
    const outer = open.get(target.value);
    if (outer !== undefined) {
      outer.isUsed = true;
      return { $ref: toDefinition(outer.name) };
    }
    const entry: Open = { name: toName(reference), isUsed: false };
    open.set(target.value, entry);
    const schema = visit(target, depth);
    open.delete(target.value);
    if (!entry.isUsed) {
      names.delete(entry.name);
      return schema;
    }
    defs[entry.name] = schema;
    done.set(target.value, toDefinition(entry.name));
    return { $ref: toDefinition(entry.name) };
  };

  const toName = (reference: string): string => {
    const last = reference.slice(reference.lastIndexOf("/") + 1);
    const safe = last.replace(/[^A-Za-z0-9_.-]+/g, "_").slice(0, nameCharsMax) || "Schema";
    let name = safe === "__proto__" ? "Schema" : safe;
    for (let round = 2; names.has(name); round += 1) name = `${safe}_${round}`;
    names.add(name);
    return name;
  };

  const toKeywords = (given: JsonObject, base: string, depth: number): JsonObject => {
    const value = withPlainBounds(given);
    const inner = (schema: unknown) => visit({ value: schema, base }, depth + 1);
    const out: JsonObject = {};
    const allowed = toTypes(value["type"]);
    if (allowed !== undefined) out["type"] = isAnswer ? relax(allowed) : toType(allowed);
    Object.assign(out, isAnswer ? {} : pickAssertions(value), cut(value["description"]));
    if (!isAnswer) {
      if (typeof value["title"] === "string") {
        out["title"] = cutText(value["title"], bounds.textMax);
      }
      if ("default" in value) out["default"] = value["default"];
      if (value["deprecated"] === true) out["deprecated"] = true;
      const examples = toExamples(value);
      if (examples !== undefined) out["examples"] = examples;
    }
    Object.assign(out, toMembers(value, inner, base), toItems(value, inner));
    for (const keyword of ["allOf", "anyOf", "oneOf"]) {
      const parts = itemsOf(value[keyword]).map(inner);
      if (parts.length === 0) continue;
      // An answer that fits two of several is no wrong answer.
      out[isAnswer && keyword === "oneOf" ? "anyOf" : keyword] = parts;
    }
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
  };

  const toMembers = (
    value: JsonObject,
    inner: (schema: unknown) => JsonObject,
    base: string,
  ): JsonObject => {
    const out: JsonObject = {};
    const { properties, patternProperties } = value;
    const hidden = new Set<string>();
    if (isJsonObject(properties)) {
      out["properties"] = Object.fromEntries(
        Object.entries(properties).flatMap(([name, schema]) => {
          if (!isHiddenAt(schema, base)) return [[name, inner(schema)]];
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
  };

  const isHiddenAt = (schema: unknown, base: string) =>
    isHidden(schema, purpose) || isHidden(documents.follow({ value: schema, base }).value, purpose);

  const withNull = (schema: JsonObject, value: JsonObject): JsonObject =>
    !isAnswer && value["nullable"] === true ? allowNull(schema) : schema;

  return { defs, make: (at) => visit(at, 0) };
}

const nameCharsMax = 64;

function toType(types: readonly string[]): unknown {
  return types.length === 1 ? types[0] : types;
}

/** What an API may answer where its document allows these types. */
function relax(types: readonly string[]): readonly string[] {
  return [...new Set([...types.map((type) => type === "integer" ? "number" : type), "null"])];
}

function toDefinition(name: string): string {
  return `#/$defs/${name}`;
}

function pickAssertions(value: Readonly<Record<string, unknown>>): JsonObject {
  return Object.fromEntries(
    Object.entries(assertions).filter(([keyword, fits]) =>
      Object.hasOwn(value, keyword) && fits(value[keyword])
    ).map(([keyword]) => [keyword, value[keyword]]),
  );
}

/** Lists: older documents write a list of schemas where 2020-12 has `prefixItems`. */
function toItems(value: JsonObject, inner: (schema: unknown) => JsonObject): JsonObject {
  const { items, prefixItems } = value;
  const first = Array.isArray(items) ? items : itemsOf(prefixItems);
  return {
    ...(first.length === 0 ? {} : { prefixItems: first.map(inner) }),
    ...(isJsonObject(items) ? { items: inner(items) } : {}),
  };
}

function allowNull(schema: JsonObject): JsonObject {
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

/** No schema is shorter than `"a":{},`, so that more of them than this cannot fit. */
export function roomIn(charsMax: number): Pick<SchemaBounds, "schemasMax"> {
  return { schemasMax: Math.ceil(charsMax / 7) };
}
