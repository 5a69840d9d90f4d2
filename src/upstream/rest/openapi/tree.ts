/**
 * What a parsed text must be before anything walks it: a tree. YAML can write a value once and put
 * it in a million places, or into itself; keys can be named after what every object inherits. Here
 * both become harmless, in one pass that looks at each value once, however often it is used.
 */
import { isJsonObject } from "../../../json.ts";
import type { JsonObject } from "../../../model.ts";

/** What a look at a tree found. */
export interface TreeReport {
  /** Why it must not be walked; undefined: it may be. */
  readonly problem: string | undefined;
  /** Whether a `$ref` leads out of it. */
  readonly refersOut: boolean;
}

/** A member of its own, never an inherited one. */
export function member(value: unknown, key: string): unknown {
  return isJsonObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
}

/** A list's items; none where there is no list. */
export function itemsOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** A text, or a number as YAML reads it where quotes were forgotten; "" for all else. */
export function textOf(value: unknown): string {
  return typeof value === "string" || typeof value === "number" ? String(value) : "";
}

/** Looks at a parsed value, and takes the keys `__proto__` out of it. */
export function inspectTree(
  root: unknown,
  bounds: { readonly depthMax: number; readonly nodesMax: number },
): TreeReport {
  /** Nodes beneath and with each value, as if it were written out wherever it is used. */
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
      problem ??= `written out it has more than ${bounds.nodesMax} values`;
    }
    return size;
  };
  visit(root);
  return { problem, refersOut };
}
