/**
 * The first start in a fresh checkout, with nothing downloaded before: the two commands of README
 * do all the set-up, and download no more than the gateway needs.
 */
import { describe, expect, test } from "bun:test";
import { cpSync, existsSync, readdirSync, statSync } from "node:fs";
import { join, relative } from "node:path";
import { openRpcSession } from "../support/rpc_session.ts";
import { executable, projectDirectory } from "../support/spawn_gateway.ts";
import { makeEmptyHome, startCommand } from "../support/started_command.ts";

const testMs = 240_000;
const bytesMax = 40 * 1024 * 1024;
/** What is no part of a checkout. */
const others = new Set([".git", "node_modules", "dist", "data", "mcp.json", ".env"]);

function bytesIn(folder: string): number {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => statSync(join(entry.parentPath, entry.name)).size)
    .reduce((total, bytes) => total + bytes, 0);
}

const commands = [
  { name: "bun run start", command: [executable("bun"), "run", "start"], cache: "bun-cache" },
  { name: "deno task start", command: [executable("deno"), "task", "start"], cache: "deno-cache" },
];

describe("in a fresh checkout", () => {
  for (const { name, command, cache } of commands) {
    test(`${name} installs at most 40 MB, serves and answers`, async () => {
      const home = makeEmptyHome();
      const checkout = join(home.folder, "checkout");
      cpSync(projectDirectory, checkout, {
        recursive: true,
        filter: (path) => !others.has(relative(projectDirectory, path)),
      });
      const begunAt = performance.now();
      const started = startCommand(command, checkout, home.env);
      try {
        const session = await openRpcSession(await started.url());
        const { result } = await session.request(1, "tools/list");
        const seconds = ((performance.now() - begunAt) / 1000).toFixed(1);
        expect(JSON.stringify(result)).toContain("simple_price");
        await session.end();
        const bytes = bytesIn(join(home.folder, cache));
        const megabytes = (bytes / 1024 / 1024).toFixed(0);
        console.log(`${name}: first answer after ${seconds} s, ${megabytes} MB in the cache`);
        expect(bytes).toBeGreaterThan(0);
        expect(bytes).toBeLessThan(bytesMax);
        expect(existsSync(join(checkout, "node_modules"))).toBe(false);
      } finally {
        started.dispose();
        home.dispose();
      }
    }, testMs);
  }
});
