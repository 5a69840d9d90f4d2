/**
 * The reading of one schema document. It reads each schema once, in one pass, and keeps the path to
 * the current value, the corrections, and the size of each schema. Keywords with rules of their own
 * are in keyword_rules.ts.
 */
import type { JsonObject } from "../../model.ts";
import { isJsonObject } from "../jsonrpc.ts";
import { quote } from "../quote.ts";
import { createEdits, type Edits } from "./edits.ts";
import { assertions, type Holding, identifiers, isPattern, keywords } from "./keywords.ts";
import { createReferences, type References } from "./references.ts";
import { describePath, Unsound } from "./unsound.ts";

/** What a schema is for: the arguments that a model gives, or the answer that clients check. */
export type SchemaPurpose = "argument" | "answer";

/** The rule of a keyword that the tables do not cover; returns how many schemas it holds. */
export type KeywordRule = (
  reading: SchemaReading,
  holder: JsonObject,
  key: string,
  base: string,
) => number | void;

/** The state of a reading. */
export interface SchemaReading {
  readonly root: JsonObject;
  readonly purpose: SchemaPurpose;
  readonly rules: Readonly<Record<string, KeywordRule>>;
  readonly edits: Edits;
  readonly references: References;
  readonly corrections: string[];
  /** The keys that lead to the current value. */
  path: string[];
  /** How many schemas each one holds; infinite if one of them is a reference. */
  readonly sizes: Map<unknown, number>;
  hasTuples: boolean;
}

/** Begins to read a document; nothing is read yet. */
export function createReading(
  root: JsonObject,
  purpose: SchemaPurpose,
  rules: SchemaReading["rules"],
): SchemaReading {
  const edits = createEdits();
  const references = createReferences(root, edits);
  return {
    root,
    purpose,
    rules,
    edits,
    references,
    corrections: [],
    path: [],
    sizes: new Map(),
    hasTuples: false,
  };
}

/** Notes a correction at this place. */
export function note({ corrections, path }: SchemaReading, what: string): void {
  corrections.push(`${describePath(path)} ${what}`);
}

/** The error for a value at this place. */
export function unsound({ path }: SchemaReading, value: unknown, expected: string): Unsound {
  return new Unsound(`${describePath(path)} is ${quote(value)}, expected ${expected}`);
}

/** Drops a member that asserts nothing. */
export function leaveOut(reading: SchemaReading, holder: JsonObject, key: string): void {
  reading.edits.remove(holder, key);
  note(reading, `is ${quote(holder[key])}, and was left out`);
}

/** Reads each member under its own path. */
export function inside(
  { path }: SchemaReading,
  keys: readonly string[],
  look: (key: string) => number,
): number {
  let size = 0;
  for (const key of keys) {
    path.push(key);
    size += look(key);
    path.pop();
  }
  return size;
}

/** Reads one schema and those within it, and counts them. */
export function readSchema(reading: SchemaReading, value: unknown, outer: string): number {
  const { sizes, references, path } = reading;
  if (typeof value === "boolean") return 1;
  if (!isJsonObject(value)) throw unsound(reading, value, "a schema");
  const known = sizes.get(value);
  if (known !== undefined) return known;
  sizes.set(value, Infinity);
  const keys = Object.keys(value);
  const isNamed = keys.some((key) => identifiers.has(key));
  const base = isNamed ? references.enter(value, path, outer) : outer;
  const size = 1 + inside(reading, keys, (key) => readKeyword(reading, value, key, base));
  sizes.set(value, size);
  return size;
}

function readKeyword(
  reading: SchemaReading,
  holder: JsonObject,
  key: string,
  base: string,
): number {
  const value = holder[key];
  const known = keywords.get(key);
  if (known === undefined) {
    if (typeof value === "object") reading.references.look(value);
    return 0;
  }
  const { holding, assertion, remark, isData } = known;
  if (value === null && !isData) {
    leaveOut(reading, holder, key);
    return 0;
  }
  const rule = reading.rules[key];
  if (rule !== undefined) return rule(reading, holder, key, base) ?? 0;
  if (holding !== undefined) return readHeld(reading, holder, key, { holding, base });
  if (assertion?.fits(value) === false) throw unsound(reading, value, assertion.expected);
  if (remark?.(value) === false) leaveOut(reading, holder, key);
  return 0;
}

/** Reads the schemas under a keyword. PHP writes an empty object as `[]`. */
export function readHeld(
  reading: SchemaReading,
  holder: JsonObject,
  key: string,
  { holding, base }: { readonly holding: Holding; readonly base: string },
): number {
  const value = holder[key];
  if (holding !== "list" && Array.isArray(value) && value.length === 0) {
    reading.edits.set(holder, key, {});
    note(reading, "is [], and was read as {}");
    return 1;
  }
  if (holding === "schema") return readSchema(reading, value, base);
  const isList = Array.isArray(value) && value.length > 0;
  if (holding === "list" ? !isList : !isJsonObject(value)) {
    const expected = holding === "list" ? "a list of schemas" : "an object of schemas";
    throw unsound(reading, value, expected);
  }
  const members = value as JsonObject;
  return inside(reading, Object.keys(members), (name) => {
    const member = members[name];
    if (key === "patternProperties" && !isPattern(name)) {
      throw unsound(reading, name, assertions.get("pattern")?.expected ?? "");
    }
    if (Array.isArray(member)) return readHeld(reading, members, name, { holding: "schema", base });
    if (member !== null || holding !== "map") return readSchema(reading, member, base);
    leaveOut(reading, members, name);
    return 0;
  });
}
