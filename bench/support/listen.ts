/**
 * The HTTP server of the runtime that a program of the benchmark runs on, on a port of the
 * system's.
 */

/** Serves from now on, and prints the port as the first line. */
export async function listen(handle: (request: Request) => Promise<Response>): Promise<void> {
  const hostname = "127.0.0.1";
  const port = "Deno" in globalThis
    ? await new Promise<number>((resolve) => {
      Deno.serve({ hostname, port: 0, onListen: (address) => resolve(address.port) }, handle);
    })
    : Bun.serve({ hostname, port: 0, idleTimeout: 0, fetch: handle }).port;
  console.log(`PORT ${port}`);
}
