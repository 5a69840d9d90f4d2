/**
 * The numbered cases of docs/architecture.md: which there are, which of them must have a test, and
 * how a test names the cases that it covers: by its first words, as in `"A9 a second call …"`,
 * `"B12: a reader …"` or `"D1, D2 fifty sessions …"`.
 */

/** How many attacks and faults each part of the list has. */
const parts = { A: 13, B: 15, C: 10, D: 7, E: 13, F: 13, G: 8, H: 13 } as const;

/** The attacks and faults, A1 to H13. */
export const faultCases: readonly string[] = Object.entries(parts).flatMap(([letter, last]) =>
  Array.from({ length: last }, (_, at) => `${letter}${at + 1}`)
);

/** The requirements that must have a test. */
const requirements = [1, 2, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18];

/** Cases without a test so far: the report lists them as missing. Nothing may be added. */
export const openCases: readonly string[] = [];

/** The cases that must have a test. */
export const requiredCases: readonly string[] = [
  ...faultCases.filter((id) => !openCases.includes(id)),
  ...requirements.map((number) => `P${number}`),
];

/** The names of the tests and groups in a test file's text. */
export function namesOf(text: string): string[] {
  const call = /\b(?:test|describe|\w+Test)(?:\.skipIf\([^"'`]*?\))?\(\s*(["'`])((?:(?!\1).)*)\1/g;
  return [...text.matchAll(call)].map((found) => found[2] ?? "");
}

/** The case numbers at the beginning of a test's name. */
export function casesOf(name: string): string[] {
  const head = /^[A-HP]\d+(?:(?:,| and)? [A-HP]\d+)*(?=[\s:]|$)/.exec(name)?.[0];
  return head?.match(/[A-HP]\d+/g) ?? [];
}

/** What each case is about, by the tables of docs/architecture.md. */
export function titlesOf(architecture: string): ReadonlyMap<string, string> {
  const rows = architecture.matchAll(/^\| ([A-HP]\d+) +\| (.+?) +\|$/gm);
  return new Map([...rows].map(([, id = "", title = ""]) => [id, title]));
}

/** How many of these names cover each case; a name with its groups is joined by ` > `. */
export function countCases(names: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const name of names) {
    const ids = new Set(name.split(" > ").flatMap(casesOf));
    for (const id of ids) counts.set(id, (counts.get(id) ?? 0) + 1);
  }
  return counts;
}
