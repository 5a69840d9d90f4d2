/**
 * Makes a parsed text a tree before any other code walks it. YAML can use one value in a million
 * places, or inside itself, and keys can have the names of inherited members. This file makes both
 * harmless, in one pass that visits each value once, however often it is used.
 */
import { isJsonObject } from "../../../json.ts";
import type { JsonObject } from "../../../model.ts";

/** The result of the pass. */
export interface TreeReport {
  /** Why it must not be walked; undefined if it may be. */
  readonly problem: string | undefined;
  /** Whether a `$ref` leads out of it. */
  readonly refersOut: boolean;
}

/** A member of its own, never an inherited one. */
export function member(value: unknown, key: string): unknown {
  return isJsonObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
}

/** A list's items; none if there is no list. */
export function itemsOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** A text, or a number that YAML read because quotes were missing; "" for all else. */
export function textOf(value: unknown): string {
  return typeof value === "string" || typeof value === "number" ? String(value) : "";
}

/** Checks a parsed value, and removes the keys `__proto__` from it. */
export function inspectTree(
  root: unknown,
  bounds: { readonly depthMax: number; readonly nodesMax: number },
): TreeReport {
  /** The number of nodes of each value, with repetitions. */
  const sizes = new Map<object, number>();
  const open = new Set<object>();
  let refersOut = false;
  let problem: string | undefined;

  const visit = (value: unknown): number => {
    if (typeof value !== "object" || value === null || problem !== undefined) return 1;
    const known = sizes.get(value);
    if (known !== undefined) return known;
    if (open.has(value)) {
      problem = "it contains itself";
      return 1;
    }
    if (open.size >= bounds.depthMax) {
      problem = `it nests deeper than ${bounds.depthMax} levels`;
      return 1;
    }
    open.add(value);
    if (isJsonObject(value)) {
      if (Object.hasOwn(value, "__proto__")) delete value["__proto__"];
      const reference = member(value, "$ref");
      refersOut ||= typeof reference === "string" && !reference.startsWith("#");
    }
    let size = 1;
    for (const key of Object.keys(value)) size += visit((value as JsonObject)[key]);
    open.delete(value);
    sizes.set(value, size);
    if (size > bounds.nodesMax) {
      problem ??= `expanded it has more than ${bounds.nodesMax} values`;
    }
    return size;
  };
  visit(root);
  return { problem, refersOut };
}
