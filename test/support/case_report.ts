/**
 * Which of the cases A1 to H13 of docs/architecture.md have a test whose name begins with the case,
 * by the text of the test files: a line for each case, then the missing ones.
 *
 *   bun test/support/case_report.ts [--missing]
 *
 * It fails if a case is missing that is not known as open. What passed on each runtime is in the
 * last lines of `bun run test:all`.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { casesOf, faultCases, namesOf, openCases, titlesOf } from "./cases.ts";
import { projectDirectory } from "./runtimes.ts";
import { allTestFiles } from "./suites.ts";

const read = (path: string) => readFileSync(join(projectDirectory, path), "utf8");
const titles = titlesOf(read("docs/architecture.md"));
const files = allTestFiles(join(projectDirectory, "test"))
  .filter((path) => path !== "tidy.test.ts")
  .map((path) => ({ path, ids: namesOf(read(`test/${path}`)).flatMap(casesOf) }));

const rows = faultCases.map((id) => ({
  id,
  tests: files.flatMap(({ ids }) => ids).filter((one) => one === id).length,
  paths: files.filter(({ ids }) => ids.includes(id)).map(({ path }) => path),
}));
const missing = rows.filter(({ tests }) => tests === 0).map(({ id }) => id);

if (!process.argv.includes("--missing")) {
  for (const { id, tests, paths } of rows) {
    console.log(`${id.padEnd(4)}${tests === 0 ? "no test" : tests}  ${titles.get(id) ?? ""}`);
    for (const path of paths) console.log(`        ${path}`);
  }
  console.log();
}
console.log(`${rows.length - missing.length} of ${rows.length} cases have a test`);
if (missing.length > 0) console.log(`missing: ${missing.join(", ")}`);
if (missing.some((id) => !openCases.includes(id))) process.exitCode = 1;
