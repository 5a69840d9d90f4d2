/** Another commit of this repository, with its dependencies, in a folder that `close` removes. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { executable, projectDirectory } from "../../test/support/spawn_gateway.ts";

/** A commit's files. */
export interface Checkout {
  readonly directory: string;
  /** The commit's short hash. */
  readonly commit: string;
  close(): void;
}

function run(command: string, args: readonly string[], cwd = projectDirectory): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, encoding: "utf8" });
  if (status === 0) return stdout.trim();
  const reason = (stderr ?? "").trim() || error?.message;
  throw new Error(`Cannot run "${command} ${args.join(" ")}": ${reason}`);
}

/** The paths that decide what is measured. */
const measured = ["src", "bench", "bun.lock"];

/** What this tree is: its commit, and whether files that matter differ from it. */
export function describeRevision(): string {
  try {
    const changed = run("git", ["status", "--porcelain", "--", ...measured]) !== "";
    return run("git", ["rev-parse", "--short", "HEAD"]) + (changed ? " with changes" : "");
  } catch {
    return "unknown revision";
  }
}

/** The last commit that changed what is measured, and whether files that matter differ from it. */
export function measuredRevision(): string {
  try {
    const changed = run("git", ["status", "--porcelain", "--", ...measured]) !== "";
    const last = run("git", ["rev-list", "-1", "--abbrev-commit", "HEAD", "--", ...measured]);
    return last + (changed ? " with changes" : "");
  } catch {
    return "unknown revision";
  }
}

const lockOf = (directory: string) => {
  const path = join(directory, "bun.lock");
  return existsSync(path) ? readFileSync(path, "utf8") : undefined;
};

/** The same lock file means the same packages, which need not be installed twice. */
function provideDependencies(directory: string): void {
  const own = join(projectDirectory, "node_modules");
  if (existsSync(own) && lockOf(directory) === lockOf(projectDirectory)) {
    symlinkSync(realpathSync(own), join(directory, "node_modules"));
  } else {
    run(executable("bun"), ["install", "--frozen-lockfile"], directory);
  }
}

/** Checks a commit out beside this tree, without a branch. */
export function openCheckout(revision: string): Checkout {
  const commit = run("git", ["rev-parse", "--short", "--verify", `${revision}^{commit}`]);
  const parent = realpathSync(mkdtempSync(join(tmpdir(), "mcp-wrapper-bench-")));
  const directory = join(parent, commit);
  const close = () => {
    try {
      run("git", ["worktree", "remove", "--force", directory]);
    } finally {
      rmSync(parent, { recursive: true, force: true });
    }
  };
  try {
    run("git", ["worktree", "add", "--detach", directory, commit]);
    provideDependencies(directory);
  } catch (thrown) {
    spawnSync("git", ["worktree", "remove", "--force", directory], { cwd: projectDirectory });
    rmSync(parent, { recursive: true, force: true });
    throw thrown;
  }
  return { directory, commit, close };
}
