/**
 * Texts laid out for a terminal: tables with aligned columns, and paragraphs that are wrapped and
 * indented. Where there is no terminal nothing is cut, because a script reads it.
 */
import { truncate } from "../excerpt.ts";
import { oneLine } from "../one_line.ts";
import type { Style } from "./colours.ts";

/** One column. */
export interface Column {
  readonly title: string;
  readonly isRight?: boolean;
  /** Whether its texts are cut where the table is too wide; the last such column first. */
  readonly isCut?: boolean;
}

/** One cell. */
export type Cell = string | { readonly text: string; readonly style: Style };

/** How to lay out. */
export interface LayoutOptions {
  /** Columns of the terminal; Infinity where there is none. */
  readonly width: number;
  style(style: Style, text: string): string;
}

const gap = "  ";
/** A cut column keeps this many characters, even if the line then is too long. */
const cutCharsMin = 12;

/** The lines of a table: its titles, and a line for each row. */
export function toTable(
  columns: readonly Column[],
  rows: readonly (readonly Cell[])[],
  { width, style }: LayoutOptions,
): string[] {
  const texts = rows.map((row) => row.map(textOf));
  const widths = columns.map(({ title }, index) =>
    Math.max(title.length, ...texts.map((row) => row[index]?.length ?? 0))
  );
  let excess = widths.reduce((sum, one) => sum + one + gap.length, -gap.length) - width;
  for (const [index, { isCut }] of [...columns.entries()].reverse()) {
    if (isCut !== true || excess <= 0) continue;
    const own = widths[index] ?? 0;
    const kept = Math.max(Math.min(own, cutCharsMin), own - excess);
    excess -= own - kept;
    widths[index] = kept;
  }
  const toLine = (cells: readonly Cell[]): string =>
    cells.map((cell, index) => {
      const own = widths[index] ?? 0;
      const text = truncate(textOf(cell), own);
      const isRight = columns[index]?.isRight === true;
      const isLast = index === columns.length - 1;
      const padded = isRight ? text.padStart(own) : isLast ? text : text.padEnd(own);
      return typeof cell === "string" ? padded : style(cell.style, padded);
    }).join(gap).trimEnd();
  const titles = columns.map(({ title }): Cell => ({ text: title, style: "faint" }));
  return [titles, ...rows].map(toLine);
}

function textOf(cell: Cell): string {
  return typeof cell === "string" ? cell : cell.text;
}

/** A text in lines of at most `width` columns, each indented. A word that is longer stays whole. */
export function wrap(text: string, width: number, indent = ""): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(/\s+/).filter((one) => one !== "")) {
    const longer = line === "" ? word : `${line} ${word}`;
    if (line !== "" && indent.length + longer.length > width) {
      lines.push(indent + line);
      line = word;
    } else line = longer;
  }
  return line === "" ? lines : [...lines, indent + line];
}

/** What a server said, on one line and without characters that a terminal obeys. */
export function toWords(text: string, charsMax: number): string {
  return oneLine(text, charsMax);
}

/** "1 tool", "2 tools". */
export function count(number: number, one: string, many = `${one}s`): string {
  return `${number} ${number === 1 ? one : many}`;
}
