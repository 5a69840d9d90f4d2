/**
 * A server's schema as every client's validator can compile it, or why none can. Clients compile the
 * output schemas of all tools while they list them (SDK 1.x) or call them, and one failure fails the
 * whole list. What asserts nothing (null, remarks, dialects that clients do not know) is left out; a
 * wrong assertion is not, since the schema without it would say something else. Of an output schema
 * the names of its parts go where clients keep them in one table for all tools. A schema is read in
 * one pass, never resolved beyond its document, and never run.
 */
import type { Limits } from "../../limits.ts";
import type { JsonObject } from "../../model.ts";
import { isJsonObject } from "../jsonrpc.ts";
import { quote } from "../quote.ts";
import { createEdits } from "./edits.ts";
import { assertions, type Holding, identifiers, isPattern, keywords } from "./keywords.ts";
import { createReferences } from "./references.ts";
import { describePath, Unsound } from "./unsound.ts";

/** What a schema is for: the arguments that a model gives, or the answer that clients check. */
export type SchemaPurpose = "argument" | "answer";

/** The bounds on a schema that clients compile. */
export type SchemaLimits = Pick<Limits, "schemaPartsMax" | "schemaTargetsMax">;

/** A schema that compiles, with what was corrected for that; or why it cannot. */
export type Soundness =
  | { readonly schema: JsonObject; readonly corrections: readonly string[] }
  | { readonly problem: string };

/** Dialects that clients know, and those of them whose `items` may be a list of schemas. */
const dialects = /^https?:\/\/json-schema\.org\/draft(?:-0[67]|\/2019-09|\/2020-12)\/schema#?$/;
const tupleDialects = /^https?:\/\/json-schema\.org\/draft(?:-0[67]|\/2019-09)\/schema#?$/;
const draft7 = "http://json-schema.org/draft-07/schema#";

/** Checks a schema; one with nothing wrong is given back as it is. */
export function toSound(
  root: JsonObject,
  purpose: SchemaPurpose,
  limits: SchemaLimits,
): Soundness {
  const reading = createReading(root, purpose);
  try {
    reading.read(limits);
  } catch (thrown) {
    if (thrown instanceof Unsound) return { problem: thrown.message };
    throw thrown;
  }
  return reading.outcome();
}

function createReading(root: JsonObject, purpose: SchemaPurpose) {
  const edits = createEdits();
  const corrections: string[] = [];
  /** The keys that lead to what is read. */
  let path: string[] = [];
  /** How many schemas each has within it; infinite where one of them is a reference. */
  const sizes = new Map<unknown, number>();
  const references = createReferences(root, edits);
  let hasTuples = false;

  const note = (what: string): void => void corrections.push(`${describePath(path)} ${what}`);
  const unsound = (value: unknown, expected: string): Unsound =>
    new Unsound(`${describePath(path)} is ${quote(value)}, expected ${expected}`);
  const leaveOut = (holder: JsonObject, key: string): void => {
    edits.remove(holder, key);
    note(`is ${quote(holder[key])}, and was left out`);
  };
  /** Reads each member under its own path. */
  const inside = (keys: readonly string[], look: (key: string) => number): number => {
    let size = 0;
    for (const key of keys) {
      path.push(key);
      size += look(key);
      path.pop();
    }
    return size;
  };

  /** Reads one schema and those within it, and counts them. */
  const schema = (value: unknown, outer: string): number => {
    if (typeof value === "boolean") return 1;
    if (!isJsonObject(value)) throw unsound(value, "a schema");
    const known = sizes.get(value);
    if (known !== undefined) return known;
    sizes.set(value, Infinity);
    const keys = Object.keys(value);
    const isNamed = keys.some((key) => identifiers.has(key));
    const base = isNamed ? references.enter(value, path, outer) : outer;
    const size = 1 + inside(keys, (key) => keyword(value, key, base));
    sizes.set(value, size);
    return size;
  };

  const keyword = (holder: JsonObject, key: string, base: string): number => {
    const value = holder[key];
    const known = keywords.get(key);
    if (known === undefined) {
      if (typeof value === "object") references.look(value);
      return 0;
    }
    const { holding, assertion, remark, isData } = known;
    if (value === null && !isData) {
      leaveOut(holder, key);
      return 0;
    }
    const rule = rules[key];
    if (rule !== undefined) return rule(holder, key, base) ?? 0;
    if (holding !== undefined) return held(holder, key, holding, base);
    if (assertion?.fits(value) === false) throw unsound(value, assertion.expected);
    if (remark?.(value) === false) leaveOut(holder, key);
    return 0;
  };

  /** Schemas under a keyword. PHP writes an empty object as `[]`. */
  const held = (holder: JsonObject, key: string, holding: Holding, base: string): number => {
    const value = holder[key];
    if (holding !== "list" && Array.isArray(value) && value.length === 0) {
      edits.set(holder, key, {});
      note("is [], and was read as {}");
      return 1;
    }
    if (holding === "schema") return schema(value, base);
    const isList = Array.isArray(value) && value.length > 0;
    if (holding === "list" ? !isList : !isJsonObject(value)) {
      throw unsound(value, holding === "list" ? "a list of schemas" : "an object of schemas");
    }
    const members = value as JsonObject;
    return inside(Object.keys(members), (name) => {
      const member = members[name];
      if (key === "patternProperties" && !isPattern(name)) {
        throw unsound(name, assertions.get("pattern")?.expected ?? "");
      }
      if (Array.isArray(member)) return held(members, name, "schema", base);
      if (member !== null || holding !== "map") return schema(member, base);
      leaveOut(members, name);
      return 0;
    });
  };

  /** Draft 4's flags next to bounds. */
  const bound = (holder: JsonObject, key: string): void => {
    const value = holder[key];
    if (typeof value !== "boolean") {
      const assertion = assertions.get(key);
      if (assertion?.fits(value) === false) throw unsound(value, assertion.expected);
      return;
    }
    const inclusive = key.replace("exclusiveM", "m");
    edits.remove(holder, key);
    if (value && assertions.get(inclusive)?.fits(holder[inclusive])) {
      edits.set(holder, key, holder[inclusive]);
      edits.remove(holder, inclusive);
    }
    note(`is ${value}, and was read as in draft 4`);
  };

  const reference = (holder: JsonObject, key: string, base: string): number => {
    if (typeof holder[key] !== "string") throw unsound(holder[key], "a reference");
    references.add(holder, key, base, path);
    return Infinity;
  };

  /** Keywords with a rule of their own. */
  const rules: Readonly<
    Record<string, (holder: JsonObject, key: string, base: string) => number | void>
  > = Object.assign(
    Object.create(null),
    {
      $schema(holder, key) {
        const value = holder[key];
        const isKnown = typeof value === "string" && (path.length > 1 || dialects.test(value));
        if (!isKnown) leaveOut(holder, key);
      },
      $ref: reference,
      $dynamicRef: reference,
      $recursiveRef: reference,
      // Draft 4's name, and ajv's own flag: ajv refuses the first, and the second changes its results.
      id: leaveOut,
      $async: leaveOut,
      exclusiveMinimum: bound,
      exclusiveMaximum: bound,
      items(holder, key, base) {
        const isTuple = Array.isArray(holder[key]) && holder[key].length > 0;
        hasTuples ||= isTuple;
        return held(holder, key, isTuple ? "list" : "schema", base);
      },
      dependencies(holder, key, base) {
        const value = holder[key];
        if (!isJsonObject(value)) throw unsound(value, "an object");
        const isNames = (name: string) => assertions.get("required")?.fits(value[name]) === true;
        return inside(Object.keys(value), (name) => isNames(name) ? 0 : schema(value[name], base));
      },
      required(holder, key) {
        const value = holder[key];
        if (assertions.get(key)?.fits(value) === false) {
          throw unsound(
            value,
            "a list of property names",
          );
        }
        const once = [...new Set(value as string[])];
        if (once.length === (value as string[]).length) return;
        edits.set(holder, key, once);
        note("names a property twice");
      },
      // OpenAPI 3.0's, which ajv reads, but only next to a type.
      nullable(holder, key) {
        const { [key]: value, type } = holder;
        const hasType = type !== undefined && type !== null;
        const isNull = [type].flat().includes("null");
        if (typeof value === "boolean" && hasType && (value || !isNull)) return;
        // Without it an answer of null would no longer fit.
        if (purpose === "answer" && value !== false) {
          throw unsound(value, 'a flag next to a "type"');
        }
        leaveOut(holder, key);
      },
    } satisfies typeof rules,
  );

  /** Lists of schemas under `items` are of older drafts, and so is a schema that has them. */
  const settleTuples = (): void => {
    const { $schema } = root;
    if (!hasTuples || (typeof $schema === "string" && tupleDialects.test($schema))) return;
    if (typeof $schema === "string" && dialects.test($schema)) {
      throw new Unsound(`"items" is a list of schemas, which its dialect ${$schema} does not have`);
    }
    edits.set(root, "$schema", draft7);
    corrections.push(`it has lists of schemas as "items"; its dialect was set to draft 7`);
  };

  return {
    read(limits: SchemaLimits): void {
      schema(root, references.base);
      const targets = references.follow((place, base) => {
        path = [...place.path];
        schema(place.value, base);
      });
      settleTuples();
      if (purpose === "argument") return;
      references.forgetNames();
      weigh(sizes, targets, limits);
    },
    outcome: (): Soundness => ({ schema: edits.apply(root) as JsonObject, corrections }),
  };
}

/** Validators write what a reference leads to out in each place, unless it has references itself. */
function weigh(
  sizes: ReadonlyMap<unknown, number>,
  targets: Iterable<unknown>,
  { schemaPartsMax, schemaTargetsMax }: SchemaLimits,
): void {
  let parts = sizes.size;
  const compiled = new Set<unknown>();
  for (const target of targets) {
    const size = sizes.get(target) ?? 1;
    if (Number.isFinite(size)) parts += size;
    else compiled.add(target);
  }
  if (parts > schemaPartsMax) {
    throw new Unsound(`it has ${parts} parts, expected at most ${schemaPartsMax}`);
  }
  if (compiled.size > schemaTargetsMax) {
    throw new Unsound(
      `its references lead to ${compiled.size} schemas, expected at most ${schemaTargetsMax}`,
    );
  }
}
