/** Which parts of a program's output are kept, and which line says why it exited. */
import { describe, expect, test } from "bun:test";
import { defaultLimits } from "../../../src/limits.ts";
import { createStartOutput } from "../../../src/upstream/stdio/start_output.ts";

function printed(...lines: readonly string[]) {
  const kept = createStartOutput(defaultLimits);
  for (const line of lines) kept.take(line);
  return kept;
}
const numbered = (text: string, count: number) =>
  Array.from({ length: count }, (_, index) => `${text} ${index + 1}`);

/** Output of programs as it really is, and the line that says what was wrong. */
const outputs: Readonly<Record<string, readonly [readonly string[], string]>> = {
  "a reason before the usage": [
    [
      "Error: ACCESS_TOKEN is required",
      "",
      "Usage: server [options]",
      ...numbered("  --missing-option", 40),
    ],
    "Error: ACCESS_TOKEN is required",
  ],
  "a reason after a long usage": [
    [...numbered("  --option", 40), "error: unknown option '--tokn'"],
    "error: unknown option '--tokn'",
  ],
  "Node's stack": [
    [
      "node:internal/modules/cjs/loader:1433",
      "  throw err;",
      "  ^",
      "Error: Cannot find module 'x'",
      ...numbered("    at Module._load failed", 20),
      "  code: 'MODULE_NOT_FOUND',",
      "}",
      "Node.js v22.0.0",
    ],
    "Error: Cannot find module 'x'",
  ],
  "source before an exception": [
    ["    throw new Error('KEY missing');", "          ^", "Error: KEY missing", "    at main"],
    "Error: KEY missing",
  ],
  "Python's traceback": [
    [
      "Traceback (most recent call last):",
      ...numbered('  File "a.py", line', 30),
      "ModuleNotFoundError: No module named 'mcp'",
    ],
    "ModuleNotFoundError: No module named 'mcp'",
  ],
  "warnings before the reason": [
    [
      "npm warn deprecated x: no longer supported",
      "npm error code E404",
      "npm error 404 Not Found - GET https://packages.example/some-server",
    ],
    "npm error 404 Not Found - GET https://packages.example/some-server",
  ],
  "npm without a network": [
    [
      "npm error code ENOTFOUND",
      "npm error syscall getaddrinfo",
      "npm error errno ENOTFOUND",
      "npm error network request to https://packages.example/some-server failed",
    ],
    "npm error network request to https://packages.example/some-server failed",
  ],
  "lines with times and levels": [
    [
      "2026-01-01T10:00:00Z INFO cannot wait to start",
      "[2026-01-01 10:00:00] [WARN] KEY is not set",
      "2026-01-01T10:00:01Z ERROR no licence",
    ],
    "2026-01-01T10:00:01Z ERROR no licence",
  ],
  "JSON lines": [
    ['{"level":"warn","msg":"failed once"}', '{"level":"fatal","msg":"no database"}'],
    '{"level":"fatal","msg":"no database"}',
  ],
};

describe("the line that says why a program ended", () => {
  for (const [name, [lines, reason]] of Object.entries(outputs)) {
    test(name, () => expect(printed(...lines).errors()[0]).toBe(reason));
  }

  test("is none where nothing looks like an error", () => {
    expect(printed("Starting", "Listening on stdio", "  --required-key  the key").errors()).toEqual(
      [],
    );
  });
});

describe("what is kept", () => {
  test("is everything while it is little, in order", () => {
    const lines = ["one", "Error: two", "three", "failed four"];
    expect(printed(...lines).lines()).toEqual(lines);
  });

  test("are the first lines, those that look like an error, and the last, in order", () => {
    const lines = printed(
      ...numbered("first", 500),
      "Error: in the middle",
      ...numbered("last", 500),
    )
      .lines();
    expect(lines.slice(0, 10)).toEqual(numbered("first", 10));
    expect(lines[10]).toBe("Error: in the middle");
    expect(lines.slice(11)).toEqual(numbered("last", 500).slice(-5));
  });

  test("is let go when the start went well, and nothing more is kept", () => {
    const kept = printed("one", "Error: two");
    kept.stop();
    kept.take("Error: three");
    expect([kept.lines(), kept.errors()]).toEqual([[], []]);
  });

  test("is bounded whatever comes, and fits one record of the log", () => {
    const flood = printed(
      ...numbered(`error ${"x".repeat(3_000)}`, 300),
      ...numbered("y".repeat(3_000), 300),
    );
    expect(flood.lines().join("\n").length).toBeLessThan(defaultLimits.logCharsMax);
    expect(flood.lines().length).toBeLessThanOrEqual(25);
  });
});
