/**
 * Where a long text is cut: at the end of a paragraph, a line, an element of JSON or a word near the
 * bound, and never inside a character. The cost of a cut depends on the bound, not on the text.
 */
import { wholeUpTo } from "../excerpt.ts";

/** What may end a part, best first, and how much of the part must stand before it. */
const borders: readonly { readonly mark: string; readonly share: number }[] = [
  { mark: "\n\n", share: 3 / 4 },
  { mark: "\n", share: 1 / 2 },
  { mark: "},", share: 1 / 2 },
  { mark: "],", share: 1 / 2 },
  { mark: ", ", share: 3 / 4 },
  { mark: " ", share: 3 / 4 },
];

/**
 * The end of the part of a text that begins at `start` and has at most `charsMax` characters; past
 * `start` unless the text ends there.
 */
export function partEnd(text: string, start: number, charsMax: number): number {
  const most = start + charsMax;
  if (most >= text.length) return text.length;
  const least = start + Math.ceil(charsMax / 2);
  const near = text.slice(least, most);
  for (const { mark, share } of borders) {
    const end = least + near.lastIndexOf(mark) + mark.length;
    const isLate = end - mark.length >= least && end - start >= charsMax * share;
    // An accent may follow the mark.
    if (isLate && wholeUpTo(text, end) === end) return end;
  }
  const end = wholeUpTo(text, most);
  return end > start ? end : most;
}
