/**
 * Reads what a test run reported. Bun and Deno both write JUnit XML, but Deno lists a group as a
 * test beside its members: groups are left out, so that both count the same tests.
 */

/** How many passed and how many did not. Skipped ones are neither. */
export interface Counts {
  readonly passed: number;
  readonly failed: number;
}

/** What a run came to; `failures` has the name and the error of each test that failed. */
export interface TestReport extends Counts {
  readonly skipped: number;
  readonly failures: readonly string[];
  /** The names of the tests that passed, with their groups, joined by ` > `. */
  readonly passedNames?: readonly string[];
}

const entities: Readonly<Record<string, string>> = {
  "&lt;": "<",
  "&gt;": ">",
  "&quot;": '"',
  "&apos;": "'",
  "&#10;": "\n",
  "&#13;": "\r",
  "&#9;": "\t",
  "&amp;": "&",
};

const plain = (text: string) =>
  text.replace(/&(?:lt|gt|quot|apos|amp|#10|#13|#9);/g, (entity) => entities[entity] ?? entity);

interface Case {
  readonly name: string;
  readonly skipped: boolean;
  readonly failed: boolean;
  readonly error: string;
}

function casesOfJunit(xml: string): Case[] {
  return [...xml.matchAll(/<testcase\b([^>]*?)(?:\/>|>([\s\S]*?)<\/testcase>)/g)]
    .map(([, attributes = "", body = ""]) => {
      const attribute = (name: string, text: string) =>
        new RegExp(` ${name}="([^"]*)"`).exec(` ${text}`)?.[1] ?? "";
      const failure = /<(?:failure|error)\b([^>]*?)(?:\/>|>([\s\S]*?)<\/(?:failure|error)>)/
        .exec(body);
      const group = attribute("classname", attributes);
      const name = attribute("name", attributes);
      return {
        // Bun names the group apart; what Deno has there is a file.
        name: group === "" || /\.ts$/.test(group) ? name : `${group} &gt; ${name}`,
        skipped: /<skipped\b/.test(body),
        failed: failure !== null,
        error: failure === null ? "" : failure[2] || attribute("message", failure[1] ?? ""),
      };
    });
}

/** The report in a JUnit file. */
export function reportOfJunit(xml: string): TestReport {
  const cases = casesOfJunit(xml);
  const groups = new Set<string>();
  for (const { name } of cases) {
    const parts = name.split(" &gt; ");
    for (let depth = 1; depth < parts.length; depth++) {
      groups.add(parts.slice(0, depth).join(" &gt; "));
    }
  }
  const members = cases.filter(({ name }) => !groups.has(name));
  const failures = members.filter((one) => one.failed)
    .map(({ name, error }) => `${plain(name)}\n${plain(error).trim()}`);
  const skipped = members.filter((one) => one.skipped).length;
  const passed = members.filter((one) => !one.failed && !one.skipped);
  return {
    passed: passed.length,
    passedNames: passed.map(({ name }) => plain(name)),
    failed: failures.length,
    skipped,
    failures,
  };
}

/**
 * The counts in a text whose last such line says `N passed, N failed`, perhaps `, N skipped`;
 * undefined without one.
 */
export function countsOfText(text: string): (Counts & { skipped: number }) | undefined {
  const found = [...text.matchAll(/^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$/gm)].at(-1);
  return found && {
    passed: Number(found[1]),
    failed: Number(found[2]),
    skipped: Number(found[3] ?? 0),
  };
}
