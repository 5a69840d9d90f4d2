/**
 * The commit that a change is compared with: where its branch left main; on main itself, the one
 * before the last change of what is measured.
 */
import { spawnSync } from "node:child_process";
import { projectDirectory } from "../../test/support/spawn_gateway.ts";

/** The output of git, or undefined if it fails. */
export type Git = (...args: string[]) => string | undefined;

const git: Git = (...args) => {
  const { status, stdout } = spawnSync("git", args, { cwd: projectDirectory, encoding: "utf8" });
  return status === 0 ? stdout.trim() : undefined;
};

/** The paths that decide how fast the gateway is. */
const measured = ["src", "bun.lock"];

/** The commit to compare with, or why there is none. */
export function findBase(run: Git = git): { revision: string } | { reason: string } {
  const head = run("rev-parse", "--verify", "HEAD");
  if (head === undefined) return { reason: "this is no git repository" };
  const main = ["main", "origin/main"].find((name) =>
    run("rev-parse", "--verify", "--quiet", `${name}^{commit}`) !== undefined
  );
  const fork = main === undefined ? undefined : run("merge-base", "HEAD", main);
  const isOnMain = fork === undefined || fork === head;
  const last = run("rev-list", "-1", "--first-parent", "HEAD", "--", ...measured) || head;
  const revision = isOnMain ? run("rev-parse", "--verify", "--quiet", `${last}^1`) : fork;
  if (revision === undefined) return { reason: "the history ends here" };
  if (run("diff", "--quiet", revision, "--", ...measured) !== undefined) {
    return { reason: `the source is the same as that of ${revision.slice(0, 7)}` };
  }
  return { revision };
}
