/** What stops a release, and that this checkout says one version everywhere. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import {
  type ReleaseFacts,
  releaseProblems,
  versionOf,
} from "../../../packaging/release_checks.ts";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const read = (path: string) => readFileSync(`${root}/${path}`, "utf8");
const version = versionOf({ read });

/** This checkout as if its changelog were dated. */
const ready: ReleaseFacts = {
  read: (path) =>
    path === "CHANGELOG.md" ? `# Changelog\n\n## ${version} (2026-11-28)\n` : read(path),
  changes: "",
  tags: "v0.0.1\n",
};

test("this checkout says one version and one name everywhere", () => {
  expect(releaseProblems(ready)).toEqual([]);
});

test("a changelog without a date, changes, an old tag and another version stop it", () => {
  const stop = (more: Partial<ReleaseFacts>) => releaseProblems({ ...ready, ...more });
  const changed = (path: string, from: string, to: string) =>
    stop({ read: (asked) => asked === path ? read(path).replace(from, to) : ready.read(asked) });
  expect(stop({ changes: " M src/app.ts\n" })).toEqual([
    "the checkout has changes:\n M src/app.ts",
  ]);
  expect(stop({ tags: `v${version}\n` })).toEqual([`the tag v${version} exists`]);
  const dated = stop({
    read: (path) => path === "CHANGELOG.md" ? `## ${version} (unreleased)` : read(path),
  });
  expect(dated).toEqual([`CHANGELOG.md has no line "## ${version} (YYYY-MM-DD)"`]);
  expect(changed("deno.json", version, "9.9.9")).toEqual([
    `deno.json says 9.9.9, package.json ${version}`,
  ]);
  expect(changed("src/version.ts", version, "9.9.9").length).toBe(1);
  expect(changed("packaging/server.json", "io.github.", "io.gitlab.").length).toBe(1);
  expect(changed("package.json", version, "next").length).toBeGreaterThan(1);
});

test("the entry of the registry keeps its rules", () => {
  const { name, description, packages } = JSON.parse(read("packaging/server.json"));
  expect(name).toMatch(/^[a-z0-9.-]+\/[a-z0-9.-]+$/i);
  expect(description.length).toBeLessThanOrEqual(100);
  expect(packages).toEqual([
    {
      registryType: "npm",
      identifier: "mcp-wrapper",
      version,
      transport: { type: "stdio" },
      packageArguments: [{ type: "positional", value: "stdio" }],
    },
  ]);
});
