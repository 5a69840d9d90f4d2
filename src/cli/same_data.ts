/** Compares the data of two texts, to check that an edit changed nothing else. */
import { toCanonicalJson } from "../json.ts";

/** Whether two values are the same data, whatever the order of their keys. */
export function isSameData(one: unknown, other: unknown): boolean {
  return toCanonical(one) === toCanonical(other);
}

function toCanonical(value: unknown): string {
  return toCanonicalJson(
    value,
    (_key, inner) => typeof inner === "bigint" ? `${inner}n` : inner,
  );
}
