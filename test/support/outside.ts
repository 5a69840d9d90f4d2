/**
 * Programs from npm that tests run and the project does not depend on: they are kept in a folder
 * outside of it, where `.ci/run` installs them beforehand and a run without it does so itself.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { cacheDirectory } from "./python.ts";

/** The versions of what runs the tests, where the machine has none of its own. */
const packages = { bun: "bun@1.4.5", deno: "deno@2.9.6", node: "node@22.23.3" } as const;

/** The oldest Node that the tests run on: it lets them load TypeScript by hooks. */
export const nodeMin = "22.15";

/** The variable by which these programs keep what Node compiled: many of their runs are short. */
export const compileCache: Readonly<Record<string, string>> = {
  NODE_COMPILE_CACHE: join(cacheDirectory, "compiled"),
};

/** The path of a package's program; installs the package unless the program is there. */
export function provide(packageName: string, program: string): string {
  const path = join(cacheDirectory, "node_modules", ".bin", program);
  if (existsSync(path)) return path;
  mkdirSync(cacheDirectory, { recursive: true });
  const lock = join(cacheDirectory, "installing");
  return alone(lock, () => existsSync(path) ? path : install(packageName, path));
}

/** Longer than any installation takes: what is older was left by a process that died. */
const lockMsMax = 300_000;
const lockLookMs = 200;

function isLeft(lock: string): boolean {
  const madeAt = statSync(lock, { throwIfNoEntry: false })?.mtimeMs;
  return madeAt !== undefined && Date.now() - madeAt > lockMsMax;
}

/** Does something while no other process with the same lock, a folder, does: npm's is for one at a time. */
export function alone<Value>(lock: string, work: () => Value): Value {
  for (let isMine = false; !isMine;) {
    try {
      mkdirSync(lock);
      isMine = true;
    } catch {
      if (isLeft(lock)) rmSync(lock, { recursive: true, force: true });
      else Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, lockLookMs);
    }
  }
  try {
    return work();
  } finally {
    rmSync(lock, { recursive: true, force: true });
  }
}

function install(packageName: string, path: string): string {
  const manifest = join(cacheDirectory, "package.json");
  if (!existsSync(manifest)) {
    // npm looks for none further up, and newer ones let these three run their install scripts.
    const allowScripts = { bun: true, deno: true, node: true };
    writeFileSync(manifest, `${JSON.stringify({ private: true, allowScripts })}\n`);
  }
  const args = ["install", "--no-audit", "--no-fund", "--prefix", cacheDirectory, packageName];
  const done = spawnSync("npm", args, { encoding: "utf8", cwd: cacheDirectory });
  if (!existsSync(path)) {
    throw new Error(`Cannot install ${packageName}: ${done.stderr ?? "npm is not on PATH"}`);
  }
  return path;
}

/** What a program answers to `--version`; undefined where it is not on PATH. */
function versionOf(program: string): string | undefined {
  const { status, stdout } = spawnSync(program, ["--version"], { encoding: "utf8" });
  return status === 0 ? stdout.trim().split("\n")[0] : undefined;
}

/** Whether a `node --version` is new enough; nothing is not. */
export function isNodeNewEnough(version: string | undefined): boolean {
  const [major = Number.NaN, minor = Number.NaN] = (version ?? "").replace(/^v/, "").split(".")
    .map(Number);
  const [majorMin = 0, minorMin = 0] = nodeMin.split(".").map(Number);
  return major > majorMin || (major === majorMin && minor >= minorMin);
}

/** A Node that is new enough for these programs. */
export const provideNode = (): string =>
  isNodeNewEnough(versionOf("node")) ? "node" : provide(packages.node, "node");

/**
 * The folders to put first on PATH so that these programs are there, and Node new enough. Says what
 * it takes from npm; throws, with what to install, when npm fails.
 */
export function providePath(
  programs: readonly (keyof typeof packages)[],
  say: (line: string) => void,
): string[] {
  const folders: string[] = [];
  for (const name of programs) {
    const version = versionOf(name);
    if (name === "node" ? isNodeNewEnough(version) : version !== undefined) continue;
    const wanted = name === "node" ? `Node ${nodeMin} or newer` : name;
    const found = version === undefined ? "there is none on PATH" : `PATH has ${version}`;
    say(`The tests need ${wanted}, ${found}: using ${packages[name]} from npm`);
    try {
      folders.push(dirname(provide(packages[name], name)));
    } catch (fault) {
      throw new Error(
        `Cannot run the tests: they need ${wanted}, ${found}, and npm could not install it; ` +
          `install it and put it on PATH (npm install --global ${packages[name]})\n${fault}`,
      );
    }
  }
  return [...new Set(folders)];
}
