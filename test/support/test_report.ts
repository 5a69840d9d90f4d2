/**
 * Counts what a test run reported. Bun and Deno both write JUnit XML, but Deno lists a group as a
 * test beside its members: groups are left out, so that both count the same tests.
 */

/** How many passed and how many did not. Skipped ones are neither. */
export interface Counts {
  readonly passed: number;
  readonly failed: number;
}

/** The counts of a JUnit report. */
export function countsOfJunit(xml: string): Counts {
  const cases = [...xml.matchAll(/<testcase\b([^>]*?)(?:\/>|>([\s\S]*?)<\/testcase>)/g)]
    .map(([, attributes = "", body = ""]) => ({
      name: / name="([^"]*)"/.exec(` ${attributes}`)?.[1] ?? "",
      skipped: /<skipped\b/.test(body),
      failed: /<(?:failure|error)\b/.test(body),
    }));
  const groups = new Set<string>();
  for (const { name } of cases) {
    const parts = name.split(" &gt; ");
    for (let depth = 1; depth < parts.length; depth++) {
      groups.add(parts.slice(0, depth).join(" &gt; "));
    }
  }
  const counted = cases.filter(({ name, skipped }) => !skipped && !groups.has(name));
  const failed = counted.filter((one) => one.failed).length;
  return { passed: counted.length - failed, failed };
}

/** The counts in a text whose last such line says `N passed, N failed`; undefined without one. */
export function countsOfText(text: string): Counts | undefined {
  const found = [...text.matchAll(/^(\d+) passed, (\d+) failed$/gm)].at(-1);
  return found === undefined ? undefined : { passed: Number(found[1]), failed: Number(found[2]) };
}
