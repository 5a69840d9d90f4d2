/**
 * The numbered cases of docs/architecture.md: which of them must have a test, and how a test names
 * the cases that it covers: by its first words, as in `"A9 a second call …"` or `"D1, D2 fifty
 * sessions …"`.
 */

const series = (letter: string, ...numbers: number[]) => numbers.map((n) => `${letter}${n}`);

/** The attacks and faults (A to H) and the requirements (P) that must have a test. */
export const requiredCases: readonly string[] = [
  ...series("A", 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12),
  ...series("B", 3, 4, 5, 6, 7, 15),
  ...series("C", 1, 2, 3, 4, 5, 10),
  ...series("D", 1, 2, 3, 4),
  ...series("E", 1, 2, 3, 4, 12),
  ...series("F", 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 13),
  ...series("H", 1, 2, 3, 7, 8, 9, 10, 12, 13),
  ...series("P", 1, 2, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18),
];

/** The names of the tests and groups in a test file's text. */
export function namesOf(text: string): string[] {
  const call = /\b(?:test|describe)(?:\.skipIf\([^"'`]*?\))?\(\s*(["'`])((?:(?!\1).)*)\1/g;
  return [...text.matchAll(call)].map((found) => found[2] ?? "");
}

/** The case numbers at the beginning of a test's name. */
export function casesOf(name: string): string[] {
  const head = /^[A-HP]\d+(?:(?:,| and) [A-HP]\d+)*(?=[\s:]|$)/.exec(name)?.[0];
  return head === undefined ? [] : head.split(/,| and/).map((part) => part.trim());
}
