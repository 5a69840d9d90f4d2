/**
 * Finds a Python that has a module installed: the one `MCP_TEST_PYTHON` names, the environment that
 * `.ci/run` makes, or `python3`. Tests that need it skip, and say so, where there is none.
 */
import { spawnSync } from "node:child_process";
import { homedir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { startMsMax } from "./wait.ts";

/** The folder outside the project in which programs for tests are kept. */
export const cacheDirectory: string = join(
  process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache"),
  "mcp-wrapper-ci",
);

/** A Python interpreter that can import `module`, or undefined. */
export function findPython(module: string): string | undefined {
  const candidates = [
    process.env["MCP_TEST_PYTHON"],
    join(cacheDirectory, "python", "bin", "python"),
    "python3",
  ];
  for (const candidate of candidates) {
    if (candidate === undefined || candidate === "") continue;
    const probe = spawnSync(candidate, ["-c", `import ${module}`], {
      stdio: "ignore",
      timeout: startMsMax,
    });
    if (probe.status === 0) return candidate;
  }
  return undefined;
}
