/** The gateway as a program on Node: passes the platform to `run.ts` and does nothing else. */
import process from "node:process";
import { createNodeRuntime } from "../runtime/node.ts";
import { run } from "./run.ts";

await run({
  runtime: createNodeRuntime(),
  args: process.argv.slice(2),
  cwd: process.cwd(),
  // Node's own server is the hardened one.
  remoteListener: "hardened",
  onFault(handler) {
    process.on("uncaughtException", handler);
    process.on("unhandledRejection", handler);
  },
  exit: (code) => process.exit(code),
});
