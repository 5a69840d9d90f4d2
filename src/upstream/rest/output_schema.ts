/**
 * The output schema of a tool: the envelope around the schema of the answer. Clients compile it
 * while they list the tools, and an invalid one would cost them all other tools. Keywords that
 * validators of different drafts refuse or understand differently are therefore left out. The
 * schema promises less, but the promise holds everywhere.
 */
import { isJsonObject } from "../../json.ts";
import type { JsonObject } from "../../model.ts";
import { holdings } from "../../protocol/json_schema/keywords.ts";
import { followPointer } from "../../protocol/json_schema/references.ts";
import { assertions, toTypes } from "./openapi/schema_keywords.ts";
import { loosen, walkSchema } from "./schema_check.ts";

/** The schema of a result's `structuredContent`. */
export function toEnvelope(outputSchema: JsonObject | undefined): JsonObject {
  const sound = walkSchema(loosen(outputSchema ?? {}), isSound, withoutInherited);
  const { $defs, ...result } = moveReferences(sound) as JsonObject;
  const envelope = {
    type: "object",
    properties: {
      result,
      raw: { description: "The whole answer of the API" },
      next: { type: "object", description: "Arguments to add to get what comes next" },
      note: { type: "string" },
    },
    ...($defs === undefined ? {} : { $defs }),
  };
  const isKept = (key: string, holder: JsonObject) =>
    key !== "$ref" || leadsSomewhere(String(holder[key]), envelope);
  return walkSchema(envelope, isKept) as JsonObject;
}

const remarks: ReadonlySet<string> = new Set(["$ref", "title", "description", "examples"]);

/** Whether all validators understand this keyword with this value. */
function isSound(key: string, holder: JsonObject): boolean {
  const value = holder[key];
  if (remarks.has(key)) return true;
  if (key === "type") return toTypes(value)?.length === [value].flat().length;
  // Validators divide by fractions with different precision.
  if (key === "multipleOf") return false;
  if (Object.hasOwn(assertions, key)) return assertions[key]?.(value) === true;
  const holding = holdings.get(key);
  if (holding === "map") return isJsonObject(value);
  if (holding === "list") return Array.isArray(value) && value.length > 0;
  const isSchema = isJsonObject(value) || typeof value === "boolean";
  // In older drafts it applies to all items, including the first ones.
  if (key === "items") return isSchema && holder["prefixItems"] === undefined;
  return holding === "schema" && isSchema;
}

/** Some validators find inherited members of objects where a member is absent. */
function withoutInherited(schema: JsonObject): JsonObject {
  const { properties } = schema;
  if (!isJsonObject(properties)) return schema;
  const members = Object.entries(properties)
    .map(([name, member]) => [name, name in Object.prototype ? {} : member]);
  return { ...schema, properties: Object.fromEntries(members) };
}

/** The references of a schema that moves one level down, while its `$defs` stay at the top. */
function moveReferences(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(moveReferences);
  if (!isJsonObject(schema)) return schema;
  return Object.fromEntries(
    Object.entries(schema).map(([key, value]) => {
      const isMoved = key === "$ref" && typeof value === "string" && /^#(?!\/\$defs\/)/.test(value);
      return [key, isMoved ? `#/properties/result${value.slice(1)}` : moveReferences(value)];
    }),
  );
}

/** Whether a reference leads from one to the other, and not back to itself. */
function leadsSomewhere(reference: string, root: JsonObject, hops = hopsMax): boolean {
  const here = followPointer({ value: root, path: [] }, reference.slice(1))?.value;
  if (!isJsonObject(here)) return typeof here === "boolean";
  const { $ref } = here;
  return $ref === undefined || (hops > 0 && leadsSomewhere(String($ref), root, hops - 1));
}

const hopsMax = 8;
