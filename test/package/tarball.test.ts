/**
 * What is in the packed package: everything that runs, no test, and metadata and types with which
 * publint and are-the-types-wrong find no fault.
 */
import { beforeAll, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import process from "node:process";
import { pageFiles } from "../../src/http/admin/page_names.ts";
import { provide, provideNode } from "../support/outside.ts";
import { type Packed, packPackage, runOrThrow } from "../support/packed.ts";
import { projectDirectory } from "../support/spawn_gateway.ts";

const testMs = 240_000;
let packed: Packed;

beforeAll(() => {
  packed = packPackage();
}, testMs);

test("npm pack lists what runs and no test", () => {
  const { files } = packed;
  for (
    const needed of [
      "dist/main/bin.js",
      "dist/index.js",
      "dist/index.d.ts",
      "dist/runtime/bun.js",
      "dist/runtime/deno.d.ts",
      "dist/runtime/node.js",
      "dist/recipes/coingecko.json",
      "dist/recipes/recipe.schema.json",
      "dist/mcp.schema.json",
      "LICENSE",
      "README.md",
      "CHANGELOG.md",
      "mcp.example.json",
    ]
  ) expect(files).toContain(needed);
  for (const file of pageFiles) expect(files).toContain(`dist/page/${file}`);
  const page = files.filter((path) => path.startsWith("dist/page/"));
  expect(page.length).toBe(pageFiles.length);
  const compiled = files.filter((path) => path.startsWith("dist/") && !page.includes(path));
  expect(compiled.filter((path) => !/\.(?:js|d\.ts|json)$/.test(path))).toEqual([]);
  const strangers = files.filter((path) => !path.startsWith("dist/") && path.includes("/"));
  expect(strangers).toEqual([]);
  expect(files.filter((path) => /\btests?\b/.test(path))).toEqual([]);
});

test("each entry of exports and bin is in it", () => {
  const { exports, bin } = JSON.parse(
    readFileSync(join(packed.folder, "package.json"), "utf8"),
  ) as { exports: Record<string, string | Record<string, string>>; bin: Record<string, string> };
  const paths = [...Object.values(exports), ...Object.values(bin)].flatMap((entry) =>
    typeof entry === "string" ? [entry] : Object.values(entry)
  );
  expect(paths.length).toBeGreaterThan(5);
  for (const path of paths) expect(packed.files).toContain(path.replace(/^\.\//, ""));
});

/** A program from npm, on a Node that is new enough for it. */
function runFromNpm(packageName: string, program: string, args: readonly string[]): string {
  const node = provideNode();
  const path = node === "node" ? process.env["PATH"] : `${dirname(node)}:${process.env["PATH"]}`;
  return runOrThrow(provide(packageName, program), args, {
    cwd: projectDirectory,
    env: { ...process.env, PATH: path, NO_COLOR: "1" },
  });
}

test("publint finds nothing", () => {
  const report = runFromNpm("publint@0.3.25", "publint", ["run", packed.tarball, "--strict"]);
  expect(report).toContain("All good");
}, testMs);

test("are-the-types-wrong finds nothing", () => {
  const args = [packed.tarball, "--profile", "esm-only"];
  const report = runFromNpm("@arethetypeswrong/cli@0.18.5", "attw", args);
  // What ignores `exports`, or requires modules, is left out by the profile.
  const found = report.split("\n").filter((line) => /💀|⚠️|❌|🚭|🥴/u.test(line));
  expect(found.filter((line) => !line.includes("(ignored"))).toEqual([]);
  expect(report).toContain("bundler: 🟢");
}, testMs);

test("the program parses on a Node that is too old, which it then says in one sentence", () => {
  const bin = join(packed.folder, "dist", "main", "bin.js");
  // Nothing is loaded before the check: an old Node could not even parse it.
  expect(readFileSync(bin, "utf8")).not.toMatch(/^\s*(?:import|export)\b(?!\s*\{\s*\})[^(]*$/m);
  const pretence = "data:text/javascript,Object.defineProperty(process, 'versions', " +
    "{ value: { ...process.versions, node: '20.19.0' } })";
  const script = `"$0" --import "$1" "$2" 2>&1; echo "exit code $?"`;
  const output = runOrThrow("sh", ["-c", script, provideNode(), pretence, bin], {
    cwd: packed.folder,
    env: process.env,
  });
  expect(output).toMatch(
    /^mcp-wrapper needs Node\.js 22\.13 or newer, and this is 20\.19\.0: .*\n/,
  );
  expect(output.trim().split("\n").length).toBe(2);
  expect(output).toContain("exit code 2");
});
