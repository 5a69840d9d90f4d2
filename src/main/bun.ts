/** The gateway as a program on Bun: passes the platform to the command line and does nothing else. */
import process from "node:process";
import { createBunRuntime } from "../runtime/bun.ts";
import { createNodeSystem } from "../runtime/node_system.ts";
import { runProgram } from "../cli/program.ts";

/** A program of one file, made by `bun build --compile`, has its source in a folder of its own. */
const isCompiled = Bun.main.startsWith("/$bunfs/") || /^[A-Z]:[\\/]~BUN/i.test(Bun.main);

await runProgram({
  runtime: createBunRuntime(),
  system: createNodeSystem(),
  args: process.argv.slice(2),
  self: isCompiled ? [process.execPath] : [process.execPath, "--no-env-file", Bun.main],
  cwd: process.cwd(),
  // Bun's own server closes slow clients by itself.
  remoteListener: "fast",
  onFault(handler) {
    process.on("uncaughtException", handler);
    process.on("unhandledRejection", handler);
  },
  exit: (code) => process.exit(code),
});
