/**
 * Programs from npm that tests run and the project does not depend on: they are kept in a folder
 * outside of it, where `.ci/run` installs them beforehand and a run without it does so itself.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { cacheDirectory } from "./python.ts";

const nodePackage = "node@22.23.3";

/** The path of a package's program; installs the package unless the program is there. */
export function provide(packageName: string, program: string): string {
  const path = join(cacheDirectory, "node_modules", ".bin", program);
  if (existsSync(path)) return path;
  mkdirSync(cacheDirectory, { recursive: true });
  const args = ["install", "--no-audit", "--no-fund", "--prefix", cacheDirectory, packageName];
  const done = spawnSync("npm", args, { encoding: "utf8", cwd: cacheDirectory });
  if (!existsSync(path)) throw new Error(`Cannot install ${packageName}: ${done.stderr}`);
  return path;
}

/** A Node that is new enough for these programs. */
export function provideNode(): string {
  const version = spawnSync("node", ["--version"], { encoding: "utf8" }).stdout ?? "";
  return Number(/^v(\d+)/.exec(version)?.[1]) >= 22 ? "node" : provide(nodePackage, "node");
}
