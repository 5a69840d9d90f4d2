/** The gateway as a program on Node: passes the platform to the command line and does nothing else. */
import process from "node:process";
import { createNodeRuntime } from "../runtime/node.ts";
import { createNodeSystem } from "../runtime/node_system.ts";
import { createPageReader } from "../runtime/page_reader.ts";
import { runProgram } from "../cli/program.ts";

await runProgram({
  runtime: createNodeRuntime(),
  system: createNodeSystem(),
  args: process.argv.slice(2),
  self: [process.execPath, process.argv[1] ?? ""],
  cwd: process.cwd(),
  // Node's own server is the hardened one.
  remoteListener: "hardened",
  onFault(handler) {
    process.on("uncaughtException", handler);
    process.on("unhandledRejection", handler);
  },
  exit: (code) => process.exit(code),
  readPage: createPageReader(import.meta.url),
});
