/** Compares the data of two texts, to check that an edit changed nothing else. */
import { isJsonObject } from "../json.ts";

/** Whether two values are the same data, whatever the order of their keys. */
export function isSameData(one: unknown, other: unknown): boolean {
  return toCanonical(one) === toCanonical(other);
}

function toCanonical(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) => {
    if (typeof inner === "bigint") return `${inner}n`;
    if (!isJsonObject(inner)) return inner;
    return Object.fromEntries(
      Object.entries(inner).sort(([left], [right]) => left < right ? -1 : 1),
    );
  });
}
