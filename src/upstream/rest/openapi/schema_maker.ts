/**
 * A document's schemas as ones that are complete in themselves: references replaced by what they
 * stand for, and by `$defs` only where a schema contains itself; 3.0's own keywords in the words of
 * JSON Schema 2020-12; what is meant for the other direction left out. For answers little more than
 * types is kept, and null is allowed everywhere: an API that says slightly more or less than its
 * document is still understood. What is too deep or too much is cut. Not here: single keywords.
 */
import { isJsonObject } from "../../../json.ts";
import type { JsonObject } from "../../../model.ts";
import type { SchemaPurpose } from "../../../protocol/json_schema/schema_reading.ts";
import type { Documents, Located } from "./documents.ts";
import {
  allowNull,
  isHidden,
  pickAssertions,
  relax,
  toExamples,
  toType,
  toTypes,
  withPlainBounds,
} from "./schema_keywords.ts";
import { toCombinations, toItems, toMembers, toParts } from "./schema_parts.ts";
import { cutText } from "./cut_text.ts";
import { member } from "./tree.ts";
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

/** Deeper than schemas are written; a chain of references could be as long as its document. */
export const schemaDepthMax = 64;

/** A schema that is being made, for those within it that refer to it. */
interface Open {
  readonly name: string;
  isUsed: boolean;
}

/** Thrown when the bounds leave no room; another try may have other bounds. */
export class TooLarge extends Unusable {}

/** The schemas of one tool, while they are made. */
interface Making {
  readonly documents: Documents;
  readonly purpose: SchemaPurpose;
  readonly bounds: SchemaBounds;
  readonly defs: JsonObject;
  /** Schemas that are being made, by what the document has. */
  readonly open: Map<unknown, Open>;
  /** References to schemas in `defs`, by what the document has. */
  readonly done: Map<unknown, string>;
  /** The names of both. */
  readonly names: Set<string>;
  /** Schemas so far. */
  schemas: number;
}

/** Makes the maker of one tool's schemas. */
export function createSchemaMaker(
  documents: Documents,
  purpose: SchemaPurpose,
  bounds: SchemaBounds,
): SchemaMaker {
  const making: Making = {
    documents,
    purpose,
    bounds,
    defs: {},
    open: new Map(),
    done: new Map(),
    names: new Set(),
    schemas: 0,
  };
  return { defs: making.defs, make: (at) => visit(making, at, 0) };
}

function visit(making: Making, at: Located, depth: number): JsonObject {
  const { bounds } = making;
  making.schemas += 1;
  if (making.schemas > bounds.schemasMax) {
    throw new TooLarge("its schemas are too large for a tool");
  }
  const { value } = at;
  if (value === false) return { not: {} };
  if (!isJsonObject(value)) return {};
  if (typeof member(value, "$ref") === "string") {
    return visitReference(making, value, at.base, depth);
  }
  if (depth > bounds.depthMax) return toDescription(making, value["description"]);
  return withNull(making, toKeywords(making, value, at.base, depth), value);
}

function toDescription({ bounds }: Making, text: unknown): { readonly description?: string } {
  return typeof text === "string" && text.trim() !== ""
    ? { description: cutText(text, bounds.textMax) }
    : {};
}

function visitReference(
  making: Making,
  value: JsonObject,
  base: string,
  depth: number,
): JsonObject {
  const { $ref, ...beside } = value;
  const target = making.documents.follow({ value: { $ref }, base });
  const schema = visitTarget(making, target, String($ref), depth);
  const { description } = toDescription(making, beside["description"]);
  const named = description === undefined ? schema : { ...schema, description };
  return withNull(making, named, beside);
}

/** What a reference leads to, written out once for each place, unless it contains itself. */
function visitTarget(
  making: Making,
  target: Located,
  reference: string,
  depth: number,
): JsonObject {
  const { open, done, names, defs } = making;
  const known = done.get(target.value);
  if (known !== undefined) return { $ref: known };
  const outer = open.get(target.value);
  if (outer !== undefined) {
    outer.isUsed = true;
    return { $ref: toDefinition(outer.name) };
  }
  const entry: Open = { name: nameFor(names, reference), isUsed: false };
  open.set(target.value, entry);
  const schema = visit(making, target, depth);
  open.delete(target.value);
  if (!entry.isUsed) {
    names.delete(entry.name);
    return schema;
  }
  defs[entry.name] = schema;
  done.set(target.value, toDefinition(entry.name));
  return { $ref: toDefinition(entry.name) };
}

/** A name that none of `names` is, which has it afterwards. */
function nameFor(names: Set<string>, reference: string): string {
  const last = reference.slice(reference.lastIndexOf("/") + 1);
  const safe = last.replace(/[^A-Za-z0-9_.-]+/g, "_").slice(0, nameCharsMax) || "Schema";
  let name = safe === "__proto__" ? "Schema" : safe;
  for (let round = 2; names.has(name); round += 1) name = `${safe}_${round}`;
  names.add(name);
  return name;
}

function toKeywords(making: Making, given: JsonObject, base: string, depth: number): JsonObject {
  const isAnswer = making.purpose === "answer";
  const value = withPlainBounds(given);
  const inner = (schema: unknown) => visit(making, { value: schema, base }, depth + 1);
  const allowed = toTypes(value["type"]);
  return {
    ...(allowed === undefined ? {} : { type: isAnswer ? relax(allowed) : toType(allowed) }),
    ...(isAnswer ? {} : pickAssertions(value)),
    ...toDescription(making, value["description"]),
    ...(isAnswer ? {} : toHints(making, value)),
    ...toMembers(value, inner, isAnswer, (schema) => isHiddenAt(making, schema, base)),
    ...toItems(value, inner),
    ...toCombinations(value, inner, isAnswer),
    ...toParts(value, inner, isAnswer),
  };
}

/** What helps to write an argument. */
function toHints({ bounds }: Making, value: JsonObject): JsonObject {
  const out: JsonObject = {};
  if (typeof value["title"] === "string") out["title"] = cutText(value["title"], bounds.textMax);
  if ("default" in value) out["default"] = value["default"];
  if (value["deprecated"] === true) out["deprecated"] = true;
  const examples = toExamples(value);
  if (examples !== undefined) out["examples"] = examples;
  return out;
}

function isHiddenAt({ documents, purpose }: Making, schema: unknown, base: string): boolean {
  return isHidden(schema, purpose) ||
    isHidden(documents.follow({ value: schema, base }).value, purpose);
}

function withNull({ purpose }: Making, schema: JsonObject, value: JsonObject): JsonObject {
  return purpose !== "answer" && value["nullable"] === true ? allowNull(schema) : schema;
}

const nameCharsMax = 64;

function toDefinition(name: string): string {
  return `#/$defs/${name}`;
}

/** No schema is shorter than `"a":{},`, so that more of them than this cannot fit. */
export function roomIn(charsMax: number): Pick<SchemaBounds, "schemasMax"> {
  return { schemasMax: Math.ceil(charsMax / 7) };
}
