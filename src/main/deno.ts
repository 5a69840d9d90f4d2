/** The gateway as a program on Deno: passes the platform to the command line and does nothing else. */
import { fileURLToPath } from "node:url";
import { createDenoRuntime } from "../runtime/deno.ts";
import { createNodeSystem } from "../runtime/node_system.ts";
import { createPageReader } from "../runtime/page_reader.ts";
import { runProgram } from "../cli/program.ts";

/** A checkout has a configuration for starts, which the built package does not need. */
const config = import.meta.filename?.endsWith(".ts")
  ? [`--config=${fileURLToPath(new URL("../../deno.start.json", import.meta.url))}`]
  : [];

/** From npm it lies in Deno's cache, where only its name leads to its dependencies. */
const cached = /\/npm\/[^/]+\/((?:@[^/]+\/)?[^/@]+)\/(\d[^/]*)\/dist\/main\/bin\.js$/.exec(
  Deno.mainModule,
);
const entry = cached === null ? Deno.mainModule : `npm:${cached[1]}@${cached[2]}`;

await runProgram({
  runtime: createDenoRuntime(),
  system: createNodeSystem((name, bytes) => Deno[name].write(bytes)),
  args: Deno.args,
  self: [Deno.execPath(), "run", "--allow-all", "--quiet", ...config, entry],
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
  readPage: createPageReader(import.meta.url),
});
