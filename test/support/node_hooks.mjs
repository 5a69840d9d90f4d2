/**
 * Loaded by Node before the tests and before the programs that they start. Gives `bun:test` the same
 * stand-in that Deno uses. Keeps each file of the project without its types in a folder of the
 * system's, since to remove them costs more than a second for each start of the gateway. JavaScript,
 * so that Node loads it at once.
 */
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import * as nodeModule from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

const folder = join(tmpdir(), `mcp-wrapper-stripped-${process.getuid?.() ?? 0}`);
mkdirSync(folder, { recursive: true, mode: 0o700 });
nodeModule.enableCompileCache(join(folder, "compiled"));

/** The text of a file without its types, from the folder if it is there. */
function strip(url) {
  const text = readFileSync(fileURLToPath(url), "utf8");
  const digest = createHash("sha256").update(`${process.version} ${text}`).digest("hex");
  const path = join(folder, `${digest}.js`);
  try {
    return readFileSync(path, "utf8");
  } catch {
    const stripped = withoutWarning(() => nodeModule.stripTypeScriptTypes(text));
    // Another process may do the same at this moment.
    const draft = `${path}.${process.pid}`;
    writeFileSync(draft, stripped);
    renameSync(draft, path);
    return stripped;
  }
}

/** The warning that it is an experiment would be in the output of each program. */
function withoutWarning(work) {
  const warn = process.emitWarning;
  process.emitWarning = () => {};
  try {
    return work();
  } finally {
    process.emitWarning = warn;
  }
}

nodeModule.registerHooks({
  resolve: (specifier, context, next) =>
    specifier === "bun:test"
      ? { url: new URL("./bun_test.ts", import.meta.url).href, shortCircuit: true }
      : next(specifier, context),
  load: (url, context, next) =>
    url.startsWith("file:") && url.endsWith(".ts")
      ? { format: "module", source: strip(url), shortCircuit: true }
      : next(url, context),
});
