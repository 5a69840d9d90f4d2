/**
 * Makes a server's schema one that every client's validator can compile, or says why none can.
 * Clients compile the output schemas of all tools when they list them (SDK 1.x) or call them, and
 * one failure fails the whole list. Members that assert nothing (null, remarks, dialects that
 * clients do not know) are dropped. A wrong assertion is not, since the schema would then mean
 * something else. An output schema loses the names of its parts if clients keep them in one table
 * for all tools. A schema is read in one pass, never resolved beyond its document, and never run.
 */
import type { Limits } from "../../limits.ts";
import type { JsonObject } from "../../model.ts";
import { keywordRules, knownDialect } from "./keyword_rules.ts";
import {
  createReading,
  readSchema,
  type SchemaPurpose,
  type SchemaReading,
} from "./schema_reading.ts";
import { Unsound } from "./unsound.ts";

/** The limits on a schema that clients compile. */
export type SchemaLimits = Pick<Limits, "schemaPartsMax" | "schemaTargetsMax">;

/** A schema that compiles, and what was corrected in it; or why it cannot compile. */
export type Soundness =
  | { readonly schema: JsonObject; readonly corrections: readonly string[] }
  | { readonly problem: string };

/** Dialects whose `items` may be a list of schemas. */
const tupleDialects = /^https?:\/\/json-schema\.org\/draft(?:-0[67]|\/2019-09)\/schema#?$/;
const draft7 = "http://json-schema.org/draft-07/schema#";

/** Checks a schema; one without faults is returned as it is. */
export function toSound(
  root: JsonObject,
  purpose: SchemaPurpose,
  limits: SchemaLimits,
): Soundness {
  const reading = createReading(root, purpose, keywordRules);
  try {
    readDocument(reading, limits);
  } catch (thrown) {
    if (thrown instanceof Unsound) return { problem: thrown.message };
    throw thrown;
  }
  const { edits, corrections } = reading;
  return { schema: edits.apply(root) as JsonObject, corrections };
}

function readDocument(reading: SchemaReading, limits: SchemaLimits): void {
  const { root, purpose, references, sizes } = reading;
  readSchema(reading, root, references.base);
  const targets = references.follow((place, base) => {
    reading.path = [...place.path];
    readSchema(reading, place.value, base);
  });
  settleTuples(reading);
  if (purpose === "argument") return;
  references.forgetNames();
  weigh(sizes, targets, limits);
}

/**
 * Only older drafts have lists of schemas under `items`, so a schema with one gets such a dialect.
 */
function settleTuples({ root, hasTuples, edits, corrections }: SchemaReading): void {
  const { $schema } = root;
  if (!hasTuples || (typeof $schema === "string" && tupleDialects.test($schema))) return;
  if (typeof $schema === "string" && knownDialect.test($schema)) {
    throw new Unsound(`"items" is a list of schemas, which its dialect ${$schema} does not have`);
  }
  edits.set(root, "$schema", draft7);
  corrections.push(`it has lists of schemas as "items"; its dialect was set to draft 7`);
}

/**
 * Limits the compiled size: validators copy a referenced schema to each place, unless it has
 * references itself.
 */
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
