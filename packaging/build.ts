/**
 * Builds the package into `dist/`, or the folder that is named: compiled modules, their types, and
 * the data that no module imports. Runs on Bun, Deno and Node.
 */
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, rmSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import process from "node:process";
import { pageFiles } from "../src/http/admin/page_names.ts";

const root = dirname(import.meta.dirname);
const target = resolve(root, process.argv[2] ?? "dist");
const compiler = join(root, "node_modules", "typescript", "bin", "tsc");
const runner = "Deno" in globalThis ? ["run", "--allow-all"] : [];

if (!existsSync(compiler)) {
  console.error(`Cannot build: ${compiler} is missing; install the dependencies first`);
  process.exit(1);
}
// What an earlier build left must not reach a package.
rmSync(target, { recursive: true, force: true });
const project = join(root, "tsconfig.build.json");
const compile = [...runner, compiler, "--project", project, "--outDir", target];
const { status } = spawnSync(process.execPath, compile, { cwd: root, stdio: "inherit" });
if (status !== 0) process.exit(1);
// The schemas are for editors; a file names its schema by the path.
cpSync(join(root, "src", "config", "mcp.schema.json"), join(target, "mcp.schema.json"));
cpSync(join(root, "src", "recipes"), join(target, "recipes"), { recursive: true });
// The operator's page is served as it is written.
for (const file of pageFiles) cpSync(join(root, "src", "page", file), join(target, "page", file));
