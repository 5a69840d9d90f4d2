/**
 * Makes the program as one file for each platform, with Bun inside, in `binaries/`. Bun downloads
 * itself for the other platforms. Runs on Bun.
 *
 *     bun packaging/binaries.ts [PLATFORM ...]
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import process from "node:process";
import { pageFiles } from "../src/http/admin/page_names.ts";

/** The platforms, as Bun names them. */
const platforms = [
  "linux-x64",
  "linux-arm64",
  "linux-x64-musl",
  "linux-arm64-musl",
  "darwin-x64",
  "darwin-arm64",
  "windows-x64",
];

const root = dirname(import.meta.dirname);
const folder = resolve(root, process.env["BINARIES_DIR"] ?? "binaries");
const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !platforms.includes(name));
if (unknown.length > 0) {
  console.error(`Unknown platform ${unknown.join(", ")}: expected ${platforms.join(", ")}`);
  process.exit(2);
}

/** The program with the texts of the operator's page in it, since it has no folder next to it. */
function entryText(): string {
  const path = (...parts: string[]) => JSON.stringify(join(root, "src", ...parts));
  const imports = pageFiles.map((file, index) =>
    `import file${index} from ${path("page", file)} with { type: "text" };\n`
  );
  const members = pageFiles.map((file, index) => `${JSON.stringify(file)}: file${index}`);
  return `import { runOnBun } from ${path("main", "run_on_bun.ts")};\n${imports.join("")}` +
    `await runOnBun({ ${members.join(", ")} });\n`;
}

const workFolder = mkdtempSync(join(tmpdir(), "mcp-wrapper-binaries-"));
const entry = join(workFolder, "mcp_wrapper.ts");
writeFileSync(entry, entryText());
process.on("exit", () => rmSync(workFolder, { recursive: true, force: true }));

for (const platform of wanted.length > 0 ? wanted : platforms) {
  const file = join(
    folder,
    `mcp-wrapper-${platform}${platform.startsWith("windows") ? ".exe" : ""}`,
  );
  // The format lets the entry wait at its top level, the bytecode spares half of the start time.
  const { status } = spawnSync(process.execPath, [
    ...["build", "--compile", "--minify", "--bytecode", "--format=esm"],
    ...[`--target=bun-${platform}`, `--outfile=${file}`, entry],
  ], { cwd: root, stdio: "inherit" });
  if (status !== 0) process.exit(1);
}
