/**
 * The example that adds a step to the gateway inside a program of one's own: from the packed package
 * it type-checks, and on each runtime it hides card numbers in what a server answers.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { hostileCommand } from "../fault/hostile_command.ts";
import { provideNode } from "../support/outside.ts";
import { type Packed, packPackage, runOrThrow } from "../support/packed.ts";
import { sendSignal } from "../support/processes.ts";
import { openRpcSession } from "../support/rpc_session.ts";
import { executable, projectDirectory } from "../support/spawn_gateway.ts";
import { type EmptyHome, makeEmptyHome, startCommand } from "../support/started_command.ts";

const testMs = 240_000;
let packed: Packed;
let home: EmptyHome;
let folder: string;

beforeAll(() => {
  packed = packPackage();
  home = makeEmptyHome();
  folder = join(home.folder, "program");
  mkdirSync(folder);
  cpSync(join(projectDirectory, "examples", "redact_cards"), folder, { recursive: true });
  writeFileSync(join(folder, "package.json"), JSON.stringify({ type: "module", private: true }));
  writeFileSync(join(folder, "mcp.json"), JSON.stringify({ mcpServers: { a: hostileCommand() } }));
  // The example imports `node:process`; the package's own types need no others.
  const install = ["install", "--no-audit", "--no-fund", packed.tarball, "@types/node@26.6.6"];
  runOrThrow("npm", install, { cwd: folder, env: home.env });
}, testMs);
afterAll(() => {
  home?.dispose();
});

describe("the example, with the package from npm", () => {
  for (const module of ["nodenext", "bundler"]) {
    test(`type-checks with module resolution ${module}`, () => {
      const configuration = {
        compilerOptions: {
          module: module === "bundler" ? "esnext" : module,
          moduleResolution: module,
          target: "es2023",
          strict: true,
          noEmit: true,
          allowImportingTsExtensions: true,
          skipLibCheck: false,
          types: ["node"],
        },
        include: ["*.ts"],
      };
      const file = join(folder, `tsconfig.${module}.json`);
      writeFileSync(file, JSON.stringify(configuration));
      const tsc = join(projectDirectory, "node_modules", "typescript", "bin", "tsc");
      expect(runOrThrow(executable("bun"), [tsc, "--project", file], { cwd: folder })).toBe("");
    }, testMs);
  }

  test("type-checks on Deno", () => {
    runOrThrow(executable("deno"), ["check", "main.ts"], { cwd: folder, env: home.env });
  }, testMs);

  const runs = [
    { name: "Bun", command: [executable("bun"), "main.ts"] },
    { name: "Deno", command: [executable("deno"), "run", "--allow-all", "main.ts"] },
    { name: "Node", command: [provideNode(), "main.ts"] },
  ];
  for (const { name, command } of runs) {
    test(`hides card numbers on ${name}`, async () => {
      const started = startCommand(command, folder, {
        ...home.env,
        MCP_DATA_DIR: ":memory:",
        PATH: process.env["PATH"] ?? "",
      });
      try {
        const session = await openRpcSession(await started.url());
        const text = await session.callTool(1, "echo", {
          text: "paid with 4111 1111 1111 1111 12/27, order 4111111111111112",
        });
        expect(text).toContain("paid with [card …1111] 12/27, order 4111111111111112");
        await session.end();
        sendSignal(started.child.pid, "SIGTERM");
        expect(await started.ended).toBe(0);
      } finally {
        started.dispose();
      }
    }, testMs);
  }
});
