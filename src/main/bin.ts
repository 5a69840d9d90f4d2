#!/usr/bin/env node
/**
 * The installed program: loads the entry of the runtime on which it runs. It imports nothing
 * statically, so that an older Node reads it far enough to say that it is too old.
 */
export {};

/** The oldest Node that has SQLite without a flag. */
const oldest = { major: 22, minor: 13 };
const misconfigured = 2;

function isTooOld(version: string): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return major < oldest.major || (major === oldest.major && minor < oldest.minor);
}

if ("Bun" in globalThis) await import("./bun.ts");
else if ("Deno" in globalThis) await import("./deno.ts");
else if (isTooOld(process.versions.node)) {
  console.error(
    `mcp-wrapper needs Node.js ${oldest.major}.${oldest.minor} or newer, and this is ` +
      `${process.versions.node}: install a newer Node.js, or run it with Bun or Deno ` +
      "(bunx --bun mcp-wrapper, deno run -A npm:mcp-wrapper)",
  );
  process.exitCode = misconfigured;
} else await import("./node.ts");
