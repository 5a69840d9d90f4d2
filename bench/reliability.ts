/**
 * The tables of docs/reliability.md, from the rows in docs/figures that the commands of the figures
 * stored with `--store`.
 *
 *   bun bench reliability              prints them
 *   … --write                          writes them into the page
 */
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { executable, projectDirectory } from "../test/support/runtimes.ts";
import { makeTables, readRows, withTables } from "./support/figure_page.ts";
import { figuresFolder, hasOption } from "./support/row.ts";

const tables = makeTables(readRows(figuresFolder));
if (hasOption("write")) {
  const page = join(projectDirectory, "docs", "reliability.md");
  writeFileSync(page, withTables(readFileSync(page, "utf8"), tables));
  const config = join(projectDirectory, "deno.json");
  spawnSync(executable("deno"), ["fmt", "--quiet", "--config", config, page]);
  console.log(`wrote ${page}`);
} else {
  for (const text of Object.values(tables)) console.log(`${text}\n`);
}
process.exit(0);
