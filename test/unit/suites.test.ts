/** The suites of the test command: no test file is left out, and no combination never runs. */
import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type RuntimeName, runtimes } from "../support/runtimes.ts";
import {
  allTestFiles,
  filesOf,
  longPieces,
  partsOn,
  piecesOf,
  runsPiece,
  runtimesOf,
  type Suite,
  suites,
} from "../support/suites.ts";

const folder = fileURLToPath(new URL("..", import.meta.url));
const all = allTestFiles(folder);

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

test("each long piece is a piece", () => {
  const pieces = suites.flatMap((suite) => [
    ...piecesOf(suite, all).map(([name]) => name),
    ...(suite.programs ?? []).map((program) => program.join(" ")),
  ]);
  expect(longPieces.filter((long) => !pieces.some((name) => name.includes(long)))).toEqual([]);
});

test("the core runs on every runtime, source and speed on Bun, each other suite on Bun or on the one that the commit chooses", () => {
  const commits = ["0", "2", "1", "3"].map((digit) => digit.repeat(40));
  for (const suite of suites) {
    const chosen = commits.map((commit) => runtimesOf(suite, commit, false));
    const expected: Record<Suite["kind"], (readonly RuntimeName[])[]> = {
      core: commits.map(() => runtimes),
      source: commits.map(() => ["bun"]),
      speed: commits.map(() => ["bun"]),
      outside: suite.isOnBun === true
        ? commits.map(() => ["bun"])
        : [["bun"], ["deno"], ["node"], ["bun"]],
    };
    expect(chosen).toEqual(expected[suite.kind]);
    // Without a commit: a folder that is no repository.
    expect(runtimesOf(suite, "", false)).toEqual(["bun"]);
    expect(runtimesOf(suite, commits[0] ?? "", true)).toEqual(runtimes);
  }
});

test("a part of the pieces runs on each runtime, and every piece is chosen by some commit", () => {
  // Each pair of digits, at every place: a suite reads two at its own.
  const pairs = Array.from({ length: 256 }, (_, pair) => pair.toString(16).padStart(2, "0"));
  const commits = pairs.flatMap((pair) => [pair.repeat(20), `0${pair.repeat(19)}0`]);
  for (const suite of suites) {
    const partOf = (name: RuntimeName) => partsOn(suite, name) ?? 1;
    const where = (commit: string, everywhere: boolean, place: number) =>
      runtimes.filter((name) => runsPiece(suite, commit, everywhere, name, place));
    const parts = Math.max(...runtimes.map(partOf));
    const places = Array.from({ length: parts }, (_, place) => place);
    for (const place of places) {
      expect(where("", true, place)).toEqual([...runtimes]);
      const seen = new Set(commits.flatMap((commit) => where(commit, false, place)));
      expect([...seen].sort()).toEqual([...runtimes]);
    }
    for (const commit of commits) {
      const runs = places.flatMap((place) => where(commit, false, place));
      const count = (name: RuntimeName) => runs.filter((one) => one === name).length;
      expect(runtimes.map(count)).toEqual(runtimes.map((name) => parts / partOf(name)));
    }
  }
});
