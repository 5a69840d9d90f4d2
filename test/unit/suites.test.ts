/** The suites of the test command: no test file is left out, and no combination never runs. */
import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { filesOf, runtimes, runtimesOf, suites, testFiles } from "../support/suites.ts";

const folder = fileURLToPath(new URL("..", import.meta.url));
const all = testFiles(folder);

test("each test file belongs to one suite, and each row names what is there", () => {
  const owned = suites.flatMap((suite) => filesOf(suite, all));
  expect(owned.toSorted()).toEqual(all.map((path) => `test/${path}`));
  for (const { name, files, programs } of suites) {
    for (const start of files ?? []) {
      expect([name, start, all.some((path) => path.startsWith(start))]).toEqual([
        name,
        start,
        true,
      ]);
    }
    for (const [program = ""] of programs ?? []) {
      expect([name, existsSync(join(folder, "..", program))]).toEqual([name, true]);
    }
  }
});

test("the core runs on every runtime, speed on Bun, each other suite on the one that the commit chooses", () => {
  const [even, odd] = ["2".repeat(40), "f".repeat(40)];
  for (const suite of suites) {
    const core = suite.kind === "core";
    const other = suite.kind === "speed" ? "bun" : "deno";
    expect(runtimesOf(suite, even, false)).toEqual(core ? runtimes : ["bun"]);
    expect(runtimesOf(suite, odd, false)).toEqual(core ? runtimes : [other]);
    // Without a commit: a folder that is no repository.
    expect(runtimesOf(suite, "", false)).toEqual(core ? runtimes : ["bun"]);
    expect(runtimesOf(suite, odd, true)).toEqual(runtimes);
  }
});
