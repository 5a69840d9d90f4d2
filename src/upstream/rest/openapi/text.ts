/** The texts of documents, which can be of any length, as parts of ours. */

/** A text of at most so many characters, well-formed. */
export function cutText(text: string, charsMax: number): string {
  const trimmed = text.trim();
  if (trimmed.length <= charsMax) return trimmed.toWellFormed();
  return `${trimmed.slice(0, charsMax - 1).trimEnd()}…`.toWellFormed();
}
