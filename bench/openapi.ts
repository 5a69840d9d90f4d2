/**
 * The cost of reading OpenAPI documents: the public ones next to the project, if they are there,
 * and GitHub's with its thousand operations. For each: operations, tools, the time from the text to
 * a list of callable tools, the longest time without a turn for other work, and memory.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { githubDocument, openApiConfig } from "../test/support/openapi_load.ts";
import { createTestDeps } from "../test/support/upstream_deps.ts";
import { createEngine } from "../src/upstream/rest/engine.ts";
import { loadOpenApi } from "../src/upstream/rest/openapi/load.ts";

const folder = join(import.meta.dirname, "../../shared/openapi");
const names = existsSync(folder)
  ? readdirSync(folder).filter((name) => /\.(json|ya?ml)$/.test(name)).map((name) =>
    join(folder, name)
  )
  : [];
if (names.length === 0) console.log(`(${folder} is missing: only GitHub's document is measured)`);

/** Resident memory in MB, of the process as the system reports it. */
function residentMb(): number {
  const status = readFileSync("/proc/self/status", "utf8");
  return Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024);
}

async function collectGarbage(): Promise<void> {
  const { Bun, gc } = globalThis as { Bun?: { gc(force: boolean): void }; gc?: () => void };
  Bun?.gc(true);
  gc?.();
  await new Promise((resolve) => setTimeout(resolve, 100));
  Bun?.gc(true);
  gc?.();
}

const deps = await createTestDeps();
/** What a gateway keeps as long as it runs. */
const kept: unknown[] = [];
for (const path of [...names, githubDocument]) {
  const before = residentMb();
  const config = openApiConfig(path, {
    baseUrl: "https://api.example",
    startTimeoutMs: 60_000,
    tools: { allow: ["*"] },
  });
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const started = performance.now();
  const service = await loadOpenApi(config, path, deps, new AbortController().signal);
  const read = performance.now() - started;
  const engine = createEngine(config, service, deps);
  const ms = performance.now() - started;
  await new Promise((resolve) => setTimeout(resolve, 5));
  delay.disable();
  kept.push(engine);
  const after = residentMb();
  await collectGarbage();
  console.log([
    path.slice(path.lastIndexOf("/") + 1).padEnd(28),
    `${service.operations.length + service.leftOut.length} operations`.padStart(16),
    `${engine.tools.length} tools`.padStart(11),
    `${ms.toFixed(0)} ms (document ${read.toFixed(0)})`.padStart(24),
    `longest turn ${(delay.max / 1e6).toFixed(0)} ms`.padStart(20),
    `memory ${before} -> ${after}, collected ${residentMb()} MB`.padStart(34),
  ].join("  "));
}
console.log(`${kept.length} documents`);
