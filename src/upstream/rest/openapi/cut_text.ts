/** The texts of documents, which can be of any length and hide anything, as parts of ours. */
import { beginning } from "../../../excerpt.ts";

/**
 * What steers terminals, turns texts around or cannot be seen: a person must read what a model reads
 * (hostile case F13). Tabs, lines and what joins emoji stay.
 */
const unseen =
  /(?![\t\n\r])\p{Cc}|[\u00ad\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\u{e0000}-\u{e007f}]/gu;

/** A text of at most so many characters, well-formed, all of which can be seen. */
export function cutText(text: string, charsMax: number): string {
  const trimmed = text.trim();
  const part = trimmed.length <= charsMax
    ? trimmed
    : `${beginning(trimmed, charsMax - 1).trimEnd()}…`;
  return part.toWellFormed().replace(unseen, "");
}
