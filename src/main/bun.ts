/** The gateway as a program on Bun: passes the platform to `run.ts` and does nothing else. */
import process from "node:process";
import { createBunRuntime } from "../runtime/bun.ts";
import { run } from "./run.ts";

await run({
  runtime: createBunRuntime(),
  args: process.argv.slice(2),
  cwd: process.cwd(),
  // Bun's own server closes slow clients by itself.
  remoteListener: "fast",
  onFault(handler) {
    process.on("uncaughtException", handler);
    process.on("unhandledRejection", handler);
  },
  exit: (code) => process.exit(code),
});
