/**
 * Runs several files of tests in one process of Node. Each file is a group of its own, so that its
 * hooks are for its tests alone, as on Bun and Deno.
 */
import * as node from "node:test";
import { resolve } from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { loadTests } from "./bun_test.ts";

const files: (readonly [path: string, declare: () => void])[] = [];
for (const path of process.argv.slice(2)) {
  files.push([path, await loadTests(() => import(pathToFileURL(resolve(path)).href))]);
}
for (const [path, declare] of files) node.describe(path, declare);
