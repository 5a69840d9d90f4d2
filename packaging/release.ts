/**
 * Prepares a release and publishes nothing: checks the checkout, builds, packs into `release/`, has
 * the package checked, and prints the commands that publish it. Runs on Bun.
 *
 *     bun packaging/release.ts
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import process from "node:process";
import { releaseProblems, versionOf } from "./release_checks.ts";

const root = dirname(import.meta.dirname);
const folder = join(root, "release");
const read = (path: string) => readFileSync(join(root, path), "utf8");

/** Runs a command to its end; ends the script if it fails. */
function run(command: string, ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd: root, encoding: "utf8" });
  if (status === 0) return stdout;
  console.error(`${[command, ...args].join(" ")} failed:\n${stdout ?? ""}${stderr ?? ""}`);
  process.exit(1);
}

const version = versionOf({ read });
const problems = releaseProblems({
  read,
  changes: run("git", "status", "--porcelain"),
  tags: run("git", "tag"),
});
if (problems.length > 0) {
  console.error(`Cannot release ${version}:\n${problems.map((one) => `- ${one}`).join("\n")}`);
  process.exit(1);
}

rmSync(folder, { recursive: true, force: true });
mkdirSync(folder);
run(process.execPath, "packaging/build.ts");
run("npm", "pack", "--ignore-scripts", "--pack-destination", folder);
const tarball = `release/mcp-wrapper-${version}.tgz`;
run("npx", "--yes", "publint@0.3.25", "run", tarball, "--strict");
run("npx", "--yes", "@arethetypeswrong/cli@0.18.5", tarball, "--profile", "esm-only");

console.log(`${tarball} is ready. These commands publish it:

git tag --annotate v${version} --message "Version ${version}"
git push origin v${version}
npm publish ${tarball} --access public
mcp-publisher publish packaging/server.json

bun packaging/binaries.ts            # one program for each platform, in binaries/
cp ${tarball} . && docker build --file packaging/Dockerfile --tag mcp-wrapper:${version} .`);
