/** Tables, paragraphs and times, as a person reads them in a terminal of 80 columns. */
import { expect, test } from "bun:test";
import { type Cell, toTable, wrap } from "../../../src/cli/table.ts";
import { toAgo, toDuration } from "../../../src/cli/times.ts";

const plain = { width: 80, style: (_style: string, text: string) => text };
const columns = [{ title: "NAME", isCut: true }, { title: "TOOLS", isRight: true }, {
  title: "AT",
}];

test("columns are aligned, numbers to the right", () => {
  const rows: Cell[][] = [["files", "14", "now"], [{ text: "x", style: "bad" }, "2", "3 min ago"]];
  expect(toTable(columns, rows, plain)).toEqual([
    "NAME   TOOLS  AT",
    "files     14  now",
    "x          2  3 min ago",
  ]);
});

test("a long text is cut to the width of the terminal, and to none where there is no terminal", () => {
  const name = "a".repeat(200);
  const narrow = toTable(columns, [[name, "1", "now"]], plain);
  expect(narrow.every((line) => line.length <= 80)).toBe(true);
  expect(narrow[1]).toMatch(/^a+…\s+1 {2}now$/);
  expect(toTable(columns, [[name, "1", "now"]], { ...plain, width: Infinity })[1]).toContain(name);
});

test("the last column that may be cut gives way first", () => {
  const two = [{ title: "NAME", isCut: true }, { title: "TARGET", isCut: true }];
  const [, line = ""] = toTable(two, [["n".repeat(30), "t".repeat(90)]], plain);
  expect(line).toMatch(/^n{30} {2}t{47}…$/);
  const [, both = ""] = toTable(two, [["n".repeat(90), "t".repeat(90)]], plain);
  expect(both).toMatch(/^n{65}… {2}t{11}…$/);
});

test("marks do not count for the width", () => {
  const marked = { width: 80, style: (style: string, text: string) => `<${style}>${text}</>` };
  expect(toTable(columns, [[{ text: "x", style: "good" }, "1", "now"]], marked)[1])
    .toBe("<good>x   </>      1  now");
});

test("paragraphs are wrapped at words and indented", () => {
  expect(wrap("one two three", 9, "  ")).toEqual(["  one two", "  three"]);
  expect(wrap("averylongword b", 5, "")).toEqual(["averylongword", "b"]);
  expect(wrap(" ", 5, "")).toEqual([]);
});

test("times are in words", () => {
  const now = Date.parse("2026-01-01T12:00:00Z");
  const before = (ms: number) => toAgo(now - ms, now);
  expect([0, 12_000, 185_000, 7_200_000, 86_400_000 * 3].map(before))
    .toEqual(["now", "12 s ago", "3 min ago", "2 h ago", "3 days ago"]);
  expect([3.4, 999, 1_240, 59_000, 90_000, 7_200_000].map(toDuration))
    .toEqual(["3 ms", "999 ms", "1.2 s", "59 s", "1.5 min", "2 h"]);
});

test("a clock that was put back shows no negative times", () => {
  expect([toDuration(-300_000), toAgo(2_000_000, 1_000_000)]).toEqual(["0 ms", "now"]);
});
