/** The tables of docs/reliability.md: they are those of the stored rows, and say what was missed. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { makeTables, readRows, withTables } from "../../bench/support/figure_page.ts";
import { figureTable, peerTable } from "../../bench/support/figure_table.ts";
import { type FigureRow, figuresFolder } from "../../bench/support/row.ts";
import { projectDirectory } from "../support/runtimes.ts";

const rowOf = (more: Partial<FigureRow> = {}): FigureRow => ({
  figure: "nonces",
  subject: "bun",
  runtime: "Bun 1.4.5",
  machine: "linux x64",
  load: "load average 0.1",
  at: "2026-11-29T10:00:00.000Z",
  revision: "0123abc",
  options: { calls: 1_000_000, sessions: 50, seed: 1 },
  values: { calls: 1_000_000, foreign: 0, failed: 0 },
  missed: [],
  ...more,
});
const lineOf = (table: string, title: string) =>
  table.split("\n").find((line) => line.includes(title)) ?? "";
const nonces = "equal ids";

/** A table as it is meant, however its columns are padded. */
const plain = (text: string) => text.replace(/[ \n]+/g, " ").replace(/-{3,}/g, "---");

test("docs/reliability.md shows the stored rows (bun bench reliability --write)", () => {
  const page = readFileSync(join(projectDirectory, "docs/reliability.md"), "utf8");
  expect(plain(page)).toBe(plain(withTables(page, makeTables(readRows(figuresFolder)))));
});

test("a table says what each runtime reached, what it missed, and what is not measured", () => {
  const table = figureTable([
    rowOf(),
    rowOf({ subject: "deno", values: { calls: 40, foreign: 2, failed: 1 }, missed: ["a goal"] }),
  ]);
  expect(lineOf(table, nonces)).toContain(
    "| 0 of 1,000,000 | 2 of 40, 1 without an answer, **missed** |",
  );
  expect(lineOf(table, "kill -9")).toContain("| – | – |");
});

test("a figure that is not complete says so", () => {
  const progress = { done: 20, of: 40, seconds: 1, starts: 1, counts: {} };
  expect(lineOf(figureTable([rowOf({ progress })]), nonces)).toContain("so far");
  expect(lineOf(figureTable([rowOf({ progress: { ...progress, done: 40 } })]), nonces))
    .not.toContain("so far");
});

test("another program stands next to the gateway, with the reason for what it cannot do", () => {
  const peers = [{ name: "other", label: "other 1.0", without: { kills: "keeps nothing" } }];
  const table = peerTable([rowOf(), rowOf({ subject: "other" })], peers);
  expect(lineOf(table, "Figure")).toContain("| this gateway on Bun | other 1.0 |");
  expect(lineOf(table, nonces)).toContain("| 0 of 1,000,000 | 0 of 1,000,000 |");
  expect(lineOf(table, "kill -9")).toContain("| – | keeps nothing |");
  expect(lineOf(table, "idle event streams")).toBe("");
});

test("a page without the place of a table is refused", () => {
  expect(() => withTables("# Page\n", { figures: "| a |" })).toThrow('the table "figures"');
});
