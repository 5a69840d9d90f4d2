/**
 * References that lead back to themselves without going down into a value: a validator that follows
 * them never ends. Schemas that contain themselves in a property or an item are no such loop.
 */
import type { JsonObject } from "../../model.ts";
import { isJsonObject } from "../jsonrpc.ts";

const lists = ["allOf", "anyOf", "oneOf"];
const singles = ["not", "if", "then", "else"];
const maps = ["dependentSchemas", "dependencies"];

/** A schema whose reference is part of a loop; `targets` says where references lead. */
export function findLoop(
  targets: ReadonlyMap<JsonObject, { readonly value: unknown }>,
): JsonObject | undefined {
  const open = new Set<unknown>();
  const done = new Set<unknown>();
  const next = (schema: JsonObject): Iterator<unknown> =>
    [...samePlace(schema), targets.get(schema)?.value].values();
  for (const start of targets.keys()) {
    if (done.has(start)) continue;
    const trail: { readonly schema: JsonObject; readonly rest: Iterator<unknown> }[] = [];
    const enter = (schema: JsonObject): void => {
      open.add(schema);
      trail.push({ schema, rest: next(schema) });
    };
    enter(start);
    for (let last = trail.at(-1); last !== undefined; last = trail.at(-1)) {
      const { done: isOver, value } = last.rest.next();
      if (isOver) {
        open.delete(last.schema);
        done.add(last.schema);
        trail.pop();
      } else if (open.has(value)) {
        return trail.map(({ schema }) => schema).findLast((schema) => targets.has(schema));
      } else if (isJsonObject(value) && !done.has(value)) enter(value);
    }
  }
  return undefined;
}

/** Schemas within a schema that are about the same value. */
function samePlace(schema: JsonObject): unknown[] {
  return [
    ...lists.flatMap((key) => Array.isArray(schema[key]) ? schema[key] : []),
    ...singles.map((key) => schema[key]),
    ...maps.flatMap((key) => isJsonObject(schema[key]) ? Object.values(schema[key]) : []),
  ];
}
