/** Where the tables of figures stand in docs/reliability.md, and the stored rows that they show. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { peers } from "../e2e/peers.ts";
import { type ComparedPeer, figureTable, peerTable, sourceLines } from "./figure_table.ts";
import { type FigureRow, readRow } from "./row.ts";

/** All stored rows, in the order of their files. */
export function readRows(folder: string): FigureRow[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".json"))
    .sort()
    .flatMap((name) => readRow(join(folder, name)) ?? []);
}

/** Why a program of another project cannot be asked for a figure. */
const without: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "mcp-proxy-pypi": { kills: "keeps no sessions" },
  supergateway: { kills: "keeps no sessions" },
};

const compared: readonly ComparedPeer[] = peers.map(({ name, source, version, registry }) => ({
  name,
  label: `${source} ${version} (${registry})`,
  without: without[name] ?? {},
}));

/** The texts that are made, by the name of their place in the page. */
export const makeTables = (rows: readonly FigureRow[]): Readonly<Record<string, string>> => ({
  figures: figureTable(rows),
  sources: sourceLines(rows),
  peers: peerTable(rows, compared),
});

/** The place of a text: a comment before it and one after it. */
const placeOf = (name: string) =>
  new RegExp(`(<!-- ${name}: made by bun bench reliability --write -->\n)[^]*?(<!-- end -->)`);

/** The page with these texts in their places; throws if a place is missing. */
export function withTables(page: string, tables: Readonly<Record<string, string>>): string {
  return Object.entries(tables).reduce((text, [name, table]) => {
    const place = placeOf(name);
    if (!place.test(text)) throw new Error(`Cannot write the table "${name}": it has no place`);
    return text.replace(place, (_, begin: string, end: string) => `${begin}\n${table}\n\n${end}`);
  }, page);
}
