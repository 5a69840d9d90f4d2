/** The part of the program that makes spans is loaded only where a collector is configured. */
import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { projectDirectory } from "../../support/runtimes.ts";

test("only one file loads the traces, when it opens them", () => {
  const files = readdirSync(join(projectDirectory, "src"), { recursive: true, encoding: "utf8" })
    .map((path) => path.replaceAll("\\", "/"))
    .filter((path) => path.endsWith(".ts") && !path.startsWith("traces/"));
  // A type import is gone when the program runs.
  const loading =
    /^(?:import|export)(?! type\b)[^;]*?from "[^"]*\/traces\/|import\("[^"]*\/traces\//gm;
  const found = files.flatMap((path) =>
    [...readFileSync(join(projectDirectory, "src", path), "utf8").matchAll(loading)]
      .map(([text]) => `${path}: ${text}`)
  );
  expect(found).toEqual(['app/open_traces.ts: import("../traces/']);
});
