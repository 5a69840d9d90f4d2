/**
 * The members that an object may have by its schema, wherever they are declared: in the schema
 * itself, in its parts (`allOf`), in one of its choices (`anyOf`, `oneOf`), or behind a reference.
 * In a query each of them can be a separate parameter, so not every name is allowed (case F10).
 */
import { isJsonObject } from "../../json.ts";
import type { JsonObject } from "../../model.ts";

/** The members of an object. */
export interface ObjectMembers {
  readonly names: ReadonlySet<string>;
  /** Others are allowed too: the schema says so, or says nothing about its members. */
  readonly isFree: boolean;
}

/** What one schema says, before the others are known. */
interface Said {
  readonly names: readonly string[];
  readonly isFree: boolean;
  /** It can be an object and says nothing about its members. */
  readonly isSilent: boolean;
}

const nothing: Said = { names: [], isFree: false, isSilent: false };

/** The members of an argument that is an object. */
export function membersOf(inputSchema: JsonObject, argument: string): ObjectMembers {
  const { properties } = inputSchema;
  const schema = isJsonObject(properties) ? properties[argument] : undefined;
  const { names, isFree, isSilent } = look(schema ?? {}, inputSchema, new Map());
  return { names: new Set(names), isFree: isFree || (isSilent && names.length === 0) };
}

/** `known`: the result of each schema, so that one which contains itself is visited once. */
function look(schema: unknown, root: JsonObject, known: Map<JsonObject, Said>): Said {
  if (schema === true) return { names: [], isFree: true, isSilent: false };
  if (!isJsonObject(schema)) return nothing;
  const before = known.get(schema);
  if (before !== undefined) return before;
  known.set(schema, nothing);
  const said = lookInto(schema, root, (inner) => look(inner, root, known));
  known.set(schema, said);
  return said;
}

function lookInto(schema: JsonObject, root: JsonObject, lookAt: (inner: unknown) => Said): Said {
  const { type, properties, additionalProperties: more, patternProperties, $ref } = schema;
  if (type !== undefined && ![type].flat().includes("object")) return nothing;
  const listed = (keyword: string): Said[] =>
    Array.isArray(schema[keyword]) ? schema[keyword].map(lookAt) : [];
  const target = typeof $ref === "string" ? [lookAt(find($ref, root))] : [];
  const parts = [...target, ...listed("allOf")];
  const choices = [...listed("anyOf"), ...listed("oneOf")];
  const declared = [
    ...isJsonObject(properties) ? Object.keys(properties) : [],
    ...parts.flatMap(({ names }) => names),
  ];
  const isOwn = declared.length > 0 || more === false;
  return {
    names: [...declared, ...choices.flatMap(({ names }) => names)],
    isFree: more === true || isJsonObject(more) || isJsonObject(patternProperties) ||
      [...parts, ...choices].some((one) => one.isFree) ||
      // "One of these is required" declares no further members.
      (!isOwn && choices.some((one) => one.isSilent && one.names.length === 0)),
    isSilent: !isOwn && choices.length === 0 && parts.every((one) => one.isSilent),
  };
}

function find(reference: string, root: JsonObject): unknown {
  const name = /^#\/\$defs\/([^/]+)$/.exec(reference)?.[1];
  const defs = root["$defs"];
  return name !== undefined && isJsonObject(defs) && Object.hasOwn(defs, name)
    ? defs[name]
    : undefined;
}
