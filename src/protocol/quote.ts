/** Wrong values in texts for a reader: enough of one to recognise it. */
import { oneLine } from "../one_line.ts";

/** Characters of a value or a place that are shown. */
export const quotedCharsMax = 160;

/** A value as JSON on one line. */
export function quote(value: unknown): string {
  return oneLine(JSON.stringify(value) ?? "absent", quotedCharsMax);
}
