/** The gateway as a program on Deno: passes the platform to the command line and does nothing else. */
import { fileURLToPath } from "node:url";
import { createDenoRuntime } from "../runtime/deno.ts";
import { createNodeSystem } from "../runtime/node_system.ts";
import { runProgram } from "../cli/program.ts";

/** A checkout has a configuration for starts, which the built package does not need. */
const config = import.meta.filename?.endsWith(".ts")
  ? [`--config=${fileURLToPath(new URL("../../deno.start.json", import.meta.url))}`]
  : [];

await runProgram({
  runtime: createDenoRuntime(),
  system: createNodeSystem((name, bytes) => Deno[name].write(bytes)),
  args: Deno.args,
  self: [Deno.execPath(), "run", "--allow-all", "--quiet", ...config, Deno.mainModule],
  cwd: Deno.cwd(),
  // Deno's own server never closes a slow client.
  remoteListener: "hardened",
  onFault(handler) {
    globalThis.addEventListener("error", (event: ErrorEvent) => {
      event.preventDefault();
      handler(event.error);
    });
    globalThis.addEventListener("unhandledrejection", (event: PromiseRejectionEvent) => {
      event.preventDefault();
      handler(event.reason);
    });
  },
  exit: (code) => Deno.exit(code),
});
