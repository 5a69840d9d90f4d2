/** Texts of clients and servers as one short line: in the log, or in a title. */
import { beginning } from "./excerpt.ts";
import { replaceUnseen } from "./unseen_characters.ts";

/** Spaces, and characters that have no form of their own. */
const blank = /[\s\p{Co}\p{Cn}]+/gu;

/** A text on one line of limited length, with visible characters only. */
export function oneLine(text: string, charsMax: number): string {
  // Text far beyond the end of the line needs no look.
  const whole = text.trimStart();
  const start = beginning(whole, 4 * charsMax);
  const line = replaceUnseen(start, () => " ").replace(blank, " ").trim();
  if (line.length <= charsMax && start.length === whole.length) return line;
  return `${beginning(line, charsMax - 1).trimEnd()}…`;
}

/** How the log names a client: its name and version. */
export function clientLine(
  { name, version }: { readonly name?: unknown; readonly version?: unknown },
  charsMax: number,
): string {
  const words = [name, version].filter((word) => typeof word === "string");
  return oneLine(words.join(" "), charsMax) || "unnamed";
}
