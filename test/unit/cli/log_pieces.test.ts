/** The log is read across its rotated files, and each new line once, rotated meanwhile or not. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import {
  appendFileSync,
  mkdtempSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type LogEnd, type LogLine, readLastLines } from "../../../src/cli/log_pieces.ts";
import { createNodeSystem } from "../../../src/runtime/node_system.ts";

const system = createNodeSystem();
let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "mcp-wrapper-log-"));
  path = join(folder, "server.log");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const lines = (...numbers: number[]) => numbers.map((n) => `{"n":${n}}\n`).join("");
const numbersOf = (all: readonly LogLine[]) => all.map(({ record }) => record?.["n"]);
const rotate = () => renameSync(path, `${path}.1`);

async function more(end: LogEnd): Promise<unknown[]> {
  const found: LogLine[] = [];
  for await (const line of end.more()) found.push(line);
  return numbersOf(found);
}

test("the last lines come from as many files as they need, oldest first", async () => {
  writeFileSync(`${path}.2`, lines(1, 2));
  writeFileSync(`${path}.1`, lines(3, 4));
  writeFileSync(path, lines(5, 6));
  const last = async (count: number, matches = (_line: LogLine) => true) =>
    numbersOf((await readLastLines(system, path, matches, count)).lines);
  expect(await last(3)).toEqual([4, 5, 6]);
  expect(await last(100)).toEqual([1, 2, 3, 4, 5, 6]);
  expect(await last(2, ({ record }) => Number(record?.["n"]) % 2 === 1)).toEqual([3, 5]);
});

test("a line is read once, when it is whole", async () => {
  writeFileSync(path, lines(1));
  const { end } = await readLastLines(system, path, () => true, 1);
  expect(await more(end)).toEqual([]);
  appendFileSync(path, '{"n":2}\n{"n"');
  expect(await more(end)).toEqual([2]);
  appendFileSync(path, ":3}\nno record\n");
  expect(await more(end)).toEqual([3, undefined]);
});

test("a rotation meanwhile loses nothing and repeats nothing", async () => {
  writeFileSync(path, lines(1));
  const { end } = await readLastLines(system, path, () => true, 1);
  appendFileSync(path, lines(2));
  rotate();
  writeFileSync(path, lines(3, 4, 5));
  expect(await more(end)).toEqual([2, 3, 4, 5]);
  rotate();
  expect(await more(end)).toEqual([]);
  writeFileSync(path, lines(6));
  expect(await more(end)).toEqual([6]);
});

test("a log that is not there yet, or that was emptied, begins at its start", async () => {
  const { lines: none, end } = await readLastLines(system, path, () => true, 1);
  expect(none).toEqual([]);
  writeFileSync(path, lines(1, 2));
  expect(await more(end)).toEqual([1, 2]);
  truncateSync(path);
  appendFileSync(path, lines(3));
  expect(await more(end)).toEqual([3]);
});
