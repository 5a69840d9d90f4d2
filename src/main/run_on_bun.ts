/**
 * The program on Bun, from its source, from the package, or as one file: passes the platform to the
 * command line and does nothing else.
 */
import process from "node:process";
import { createBunRuntime } from "../runtime/bun.ts";
import { createNodeSystem } from "../runtime/node_system.ts";
import { createPageReader } from "../runtime/page_reader.ts";
import { runProgram } from "../cli/program.ts";

/**
 * Runs it. `page`: the files of the operator's page, of a program of one file (made by
 * `packaging/binaries.ts`), which has no folder next to it.
 */
export async function runOnBun(page?: Readonly<Record<string, string>>): Promise<void> {
  await runProgram({
    runtime: createBunRuntime(),
    system: createNodeSystem(),
    args: process.argv.slice(2),
    self: page === undefined ? [process.execPath, "--no-env-file", Bun.main] : [process.execPath],
    cwd: process.cwd(),
    // Bun's own server closes slow clients by itself.
    remoteListener: "fast",
    onFault(handler) {
      process.on("uncaughtException", handler);
      process.on("unhandledRejection", handler);
    },
    exit: (code) => process.exit(code),
    readPage: page === undefined
      ? createPageReader(import.meta.url)
      : (file) => Promise.resolve(page[file]),
  });
}
