/**
 * Changes to a value, noted while it is read and made in a copy; the value itself stays unchanged.
 */
import type { JsonObject } from "../../model.ts";
import { isJsonObject } from "../jsonrpc.ts";

/** The changes of one value. */
export interface Edits {
  set(holder: JsonObject, key: string, value: unknown): void;
  remove(holder: JsonObject, key: string): void;
  /** The value with all changes; itself when there are none. */
  apply(value: unknown): unknown;
}

const removed = Symbol("removed");

/** Makes an empty set of changes. */
export function createEdits(): Edits {
  const edits = new Map<unknown, Map<string, unknown>>();
  const set: Edits["set"] = (holder, key, value) => {
    const known = edits.get(holder);
    if (known === undefined) edits.set(holder, new Map([[key, value]]));
    else known.set(key, value);
  };
  const copy = (value: unknown): unknown => {
    if (Array.isArray(value)) {
      const own = edits.get(value);
      return value.map((item, at) => own?.has(String(at)) ? own.get(String(at)) : copy(item));
    }
    if (!isJsonObject(value)) return value;
    const own = edits.get(value) ?? new Map<string, unknown>();
    const kept = Object.entries(value).filter(([key]) => own.get(key) !== removed)
      .map(([key, member]) => [key, own.has(key) ? own.get(key) : copy(member)]);
    const added = [...own].filter(([key, member]) =>
      member !== removed && !Object.hasOwn(value, key)
    );
    return Object.fromEntries([...kept, ...added]);
  };
  return {
    set,
    remove: (holder, key) => set(holder, key, removed),
    apply: (value) => edits.size === 0 ? value : copy(value),
  };
}
