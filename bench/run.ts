/**
 * Runs the benchmarks: `bun bench` all that measure parts, `bun bench NAME …` only those named;
 * `proxy`, the end-to-end driver, `openapi`, which reads documents, and `spare`, which starts slow
 * servers, run only when named. The same under Deno.
 */
import { cpus } from "node:os";
import process from "node:process";
import { measureSuite, type Suite, toReport } from "./suite.ts";

const parts: Readonly<Record<string, () => Promise<Suite[]>>> = {
  session_lookup: async () => await (await import("./session_lookup.ts")).openSuites(),
  sse_fanout: async () => (await import("./sse_fanout.ts")).openSuites(),
};
/** Programs of their own, which end the process; `--name=value` arguments are theirs. */
const drivers: Readonly<Record<string, () => Promise<unknown>>> = {
  proxy: () => import("./proxy.ts"),
  openapi: () => import("./openapi.ts"),
  spare: () => import("./spare.ts"),
};

const named = process.argv.slice(2).filter((argument) => !argument.startsWith("--"));
const unknown = named.filter((name) => !(name in parts || name in drivers));
if (unknown.length > 0) {
  const known = [...Object.keys(parts), ...Object.keys(drivers)].join(", ");
  console.error(`Cannot run "${unknown.join(", ")}": expected ${known}`);
  process.exit(2);
}

const { bun, deno } = process.versions;
const runtime = bun === undefined ? `Deno ${deno}` : `Bun ${bun}`;
const machine = `${cpus().length} x ${cpus()[0]?.model ?? "unknown processor"}`;
console.log(`${runtime}, ${machine}; median of 3 rounds (lowest to highest)\n`);
for (const name of named.length > 0 ? named : Object.keys(parts)) {
  await drivers[name]?.();
  for (const suite of await parts[name]?.() ?? []) {
    console.log(toReport(suite, await measureSuite(suite)));
    await suite.close();
  }
}
