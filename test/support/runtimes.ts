/**
 * The runtimes that the gateway supports, as a table: the one that runs this test, the one that
 * spawned gateways run on (`MCP_TEST_RUNTIME` picks another), and how each runs a program.
 */
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

/** All of them. */
export const runtimes = ["bun", "deno", "node"] as const;

/** One of them. */
export type RuntimeName = typeof runtimes[number];

/** As a person writes them. */
export const titles: Readonly<Record<RuntimeName, string>> = {
  bun: "Bun",
  deno: "Deno",
  node: "Node",
};

/** The runtime that this test runs on. */
export const thisRuntime: RuntimeName = "Deno" in globalThis
  ? "deno"
  : "Bun" in globalThis
  ? "bun"
  : "node";

/** The runtime that spawned gateways run on. */
export const gatewayRuntime: RuntimeName =
  runtimes.find((name) => name === process.env["MCP_TEST_RUNTIME"]) ?? thisRuntime;

/** The folder of the project. */
export const projectDirectory: string = fileURLToPath(new URL("../..", import.meta.url));

/** The program of a runtime: this one, or the one on PATH. */
export const executable = (name: RuntimeName): string =>
  name === thisRuntime ? process.execPath : name;

/** What Node loads before a program of this project in TypeScript, or before a test. */
export const nodeHooks: readonly string[] = [
  "--import",
  join(projectDirectory, "test", "support", "node_hooks.mjs"),
];

/** What precedes the path of a program; `root` is the folder of the project that it belongs to. */
const beforePath: Readonly<Record<RuntimeName, (root: string) => readonly string[]>> = {
  bun: () => ["--no-env-file"],
  deno: (root) => ["run", "-A", "-q", "--no-check", "-c", join(root, "deno.json")],
  node: () => nodeHooks,
};

/** The command line that runs a TypeScript program of this project under a runtime. */
export function programCommand(
  program: string,
  args: readonly string[] = [],
  runtime: RuntimeName = gatewayRuntime,
  root: string = projectDirectory,
): { command: string; args: string[] } {
  const path = join(root, program);
  return { command: executable(runtime), args: [...beforePath[runtime](root), path, ...args] };
}
