/**
 * The first steps of a stranger with the installed package, in an empty folder and on each runtime:
 * start the gateway, add a server, test it, connect a client, look at the state, call a tool.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { hostileCommand } from "../fault/hostile_command.ts";
import { provideNode } from "../support/outside.ts";
import { manifest, type Packed, packPackage, runOrThrow } from "../support/packed.ts";
import { sendSignal } from "../support/processes.ts";
import { openRpcSession } from "../support/rpc_session.ts";
import { runCommand } from "../support/run_command.ts";
import { executable } from "../support/spawn_gateway.ts";
import { type EmptyHome, makeEmptyHome, startCommand } from "../support/started_command.ts";

const testMs = 240_000;
const silentMsMax = 60_000;
let packed: Packed;
let home: EmptyHome;
let program: string;

beforeAll(() => {
  packed = packPackage();
  home = makeEmptyHome();
  const folder = join(home.folder, "installed");
  mkdirSync(folder);
  writeFileSync(join(folder, "package.json"), '{ "private": true }');
  const install = ["install", "--no-audit", "--no-fund", packed.tarball];
  runOrThrow("npm", install, { cwd: folder, env: home.env });
  program = join(folder, "node_modules", manifest.name, "dist", "main", "bin.js");
}, testMs);
afterAll(() => {
  home?.dispose();
});

const runners = [
  { name: "Node", runner: [provideNode()] },
  { name: "Bun", runner: [executable("bun")] },
  { name: "Deno", runner: [executable("deno"), "run", "--allow-all", "--quiet"] },
];

describe("the installed package", () => {
  for (const { name, runner } of runners) {
    test(`does on ${name} what a stranger tries first`, async () => {
      const own = makeEmptyHome();
      const cwd = join(own.folder, "empty");
      mkdirSync(cwd);
      // The servers of this test run on its own runtime, which needs its own cache.
      const { DENO_DIR = "" } = home.env;
      const env = { ...own.env, DENO_DIR, PATH: process.env["PATH"] ?? "" };
      const does = async (...args: string[]) => {
        const line = [...runner, program, ...args];
        const { ok, output } = await runCommand(line, { cwd, env, silentMsMax });
        expect({ args, ok, output }).toEqual({ args, ok: true, output });
        return output;
      };
      const begunAt = performance.now();
      const started = startCommand([...runner, program], cwd, env);
      try {
        const url = await started.url();
        const { command, args } = hostileCommand();
        expect(await does("add", "mine", "--", command, ...args)).toContain("mine");
        expect(await does("test", "mine")).toMatch(/14 tools/);
        // The only server: its tools have its own names.
        const session = await openRpcSession(url);
        expect(await session.callTool(1, "echo", { text: "hello" })).toContain("hello");
        const seconds = ((performance.now() - begunAt) / 1000).toFixed(1);
        console.log(`${name}: the first answer of an added server after ${seconds} s`);
        await session.end();
        const port = new URL(url).port;
        expect(await does("connect", "claude-code")).toContain(`:${port}/mcp`);
        const { servers } = JSON.parse(await does("status", "--json")) as {
          servers: { name: string; tools?: number }[];
        };
        expect(servers.find((one) => one.name === "mine")).toMatchObject({ tools: 14 });
        expect(await does("call", "mine", "echo", '{"text":"by hand"}')).toContain("by hand");
        const link: { url: string } = JSON.parse(await does("page", "--json"));
        const page = await fetch(link.url);
        expect(page.headers.get("content-type")).toContain("text/html");
        expect(await page.text()).toContain('src="/admin/page/app.js"');
        // It may find something on this machine, such as a missing program: its report counts.
        const { output } = await runCommand([...runner, program, "doctor", "--json"], {
          cwd,
          env,
          silentMsMax,
        });
        expect(output).toContain('Server \\"mine\\" works: 14 tools');
        sendSignal(started.child.pid, "SIGTERM");
        expect(await started.ended).toBe(0);
      } finally {
        started.dispose();
        own.dispose();
      }
    }, testMs);
  }
});
