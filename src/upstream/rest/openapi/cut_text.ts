/**
 * Texts of documents, which may have any length and hide anything, as parts of the gateway's texts.
 */
import { beginning } from "../../../excerpt.ts";

/**
 * Characters that control terminals, reorder text or are invisible: people must be able to read
 * what a model reads (case F13). Tabs, line ends and emoji joiners stay.
 */
const unseen =
  /(?![\t\n\r])\p{Cc}|[\u00ad\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\u{e0000}-\u{e007f}]/gu;

/** A text of limited length, well-formed, with visible characters only. */
export function cutText(text: string, charsMax: number): string {
  const trimmed = text.trim();
  const part = trimmed.length <= charsMax
    ? trimmed
    : `${beginning(trimmed, charsMax - 1).trimEnd()}…`;
  return part.toWellFormed().replace(unseen, "");
}
