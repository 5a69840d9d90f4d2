/** The Kubernetes manifest against the schemas of Kubernetes, by `kubernetes-validate` from PyPI. */
import { expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { alone } from "../support/outside.ts";
import { cacheDirectory } from "../support/python.ts";
import { projectDirectory } from "../support/spawn_gateway.ts";

const testMs = 240_000;
const version = "1.37.0";
const folder = join(cacheDirectory, `kubernetes-validate-${version}`);
const program = join(folder, "bin", "kubernetes-validate");

/** The program, installed into a folder of its own; undefined where PyPI cannot be reached. */
function provideValidator(): string | undefined {
  if (process.env["MCP_TEST_PROGRAMS"] !== "true") return undefined;
  return alone(`${folder}.installing`, () => {
    if (existsSync(program)) return program;
    spawnSync("python3", ["-m", "venv", folder], { stdio: "ignore" });
    const pip = join(folder, "bin", "pip");
    const args = ["install", "--quiet", "--retries", "1", `kubernetes-validate==${version}`];
    spawnSync(pip, args, { stdio: "ignore", timeout: testMs });
    return existsSync(program) ? program : undefined;
  });
}

const validator = provideValidator();
const why = validator === undefined
  ? " (skipped: kubernetes-validate is not installed, and PyPI does not answer)"
  : "";

test.skipIf(validator === undefined)(`kubernetes.yaml is valid${why}`, () => {
  const path = join(projectDirectory, "packaging", "kubernetes.yaml");
  const { status, stdout, stderr } = spawnSync(validator ?? "", ["--strict", path], {
    encoding: "utf8",
  });
  expect([status, stderr]).toEqual([0, ""]);
  expect(stdout.match(/ passed for resource /g)).toHaveLength(6);
}, testMs);
