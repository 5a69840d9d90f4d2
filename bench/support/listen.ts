/**
 * The HTTP server of the runtime that a program of the benchmark runs on, on a port of the
 * system's.
 */
import { type RuntimeName, thisRuntime } from "../../test/support/runtimes.ts";

type Handle = (request: Request) => Promise<Response>;

const hostname = "127.0.0.1";

const serve: Readonly<Record<RuntimeName, (handle: Handle) => Promise<number | undefined>>> = {
  bun: async (fetch) => await Bun.serve({ hostname, port: 0, idleTimeout: 0, fetch }).port,
  deno: (handle) =>
    new Promise((resolve) => {
      Deno.serve({ hostname, port: 0, onListen: (address) => resolve(address.port) }, handle);
    }),
  // Node has no server of its own for a `Request`.
  node: async (fetch) => {
    const { serveHardened } = await import("../../src/runtime/hardened.ts");
    return (await serveHardened({ hostname, port: 0, listener: "hardened", fetch })).port;
  },
};

/** Serves from now on, and prints the port as the first line. */
export async function listen(handle: Handle): Promise<void> {
  console.log(`PORT ${await serve[thisRuntime](handle)}`);
}
