/** Texts of clients and servers as one short line: in the log, or in a title. */
import { beginning } from "./excerpt.ts";

/** Spaces, line breaks, and what cannot be seen or steers a terminal; halves of pairs, too. */
const unseen = /[\s\p{C}]+/gu;

/** A text on one line of at most so many characters, all of which can be seen. */
export function oneLine(text: string, charsMax: number): string {
  // What is far behind the end of the line needs no look.
  const whole = text.trimStart();
  const start = beginning(whole, 4 * charsMax);
  const line = start.replace(unseen, " ").trim();
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
