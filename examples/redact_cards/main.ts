/**
 * The gateway inside a program of one's own, on Bun, Deno or Node: it reads `mcp.json` and the
 * environment as `mcp-wrapper` does, adds the step, and listens.
 *
 *     npm install mcp-wrapper
 *     node main.ts        (or: bun main.ts, deno run -A main.ts)
 */
import { createGateway, defaultTables, readConfig, type Runtime } from "mcp-wrapper";
import process from "node:process";
import { makeRedactCardsStep } from "./redact_cards.ts";

async function createRuntime(): Promise<Runtime> {
  if ("Bun" in globalThis) return (await import("mcp-wrapper/bun")).createBunRuntime();
  if ("Deno" in globalThis) return (await import("mcp-wrapper/deno")).createDenoRuntime();
  return (await import("mcp-wrapper/node")).createNodeRuntime();
}

const runtime = await createRuntime();
const { config } = await readConfig({
  env: runtime.env,
  cwd: process.cwd(),
  readText: runtime.readText,
});
const gateway = await createGateway({
  config,
  runtime,
  steps: [...defaultTables.steps, makeRedactCardsStep],
  console: console.warn,
});
const listener = await runtime.serve({
  hostname: "127.0.0.1",
  port: config.port,
  listener: "fast",
  fetch: gateway.fetch,
});
console.log(`Serving MCP at http://127.0.0.1:${listener.port}/mcp`);

runtime.onSignal(async () => {
  void gateway.drain();
  await listener.close(1000);
  await gateway.close();
  process.exit(0);
});
