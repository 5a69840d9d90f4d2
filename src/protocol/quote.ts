/**
 * Quotes invalid values in error texts, with enough of each to recognise it.
 */
import { oneLine } from "../one_line.ts";

/** How many characters of a value or a place are shown. */
export const quotedCharsMax = 160;

/** A value as JSON on one line. */
export function quote(value: unknown): string {
  return oneLine(JSON.stringify(value) ?? "absent", quotedCharsMax);
}
