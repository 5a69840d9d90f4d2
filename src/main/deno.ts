/** The gateway as a program on Deno: passes the platform to `run.ts` and does nothing else. */
import { createDenoRuntime } from "../runtime/deno.ts";
import { run } from "./run.ts";

await run({
  runtime: createDenoRuntime(),
  args: Deno.args,
  cwd: Deno.cwd(),
  // Deno's own server never closes a slow client.
  remoteListener: "hardened",
  onFault(handler) {
    globalThis.addEventListener("error", (event) => {
      event.preventDefault();
      handler(event.error);
    });
    globalThis.addEventListener("unhandledrejection", (event) => {
      event.preventDefault();
      handler(event.reason);
    });
  },
  exit: (code) => Deno.exit(code),
});
