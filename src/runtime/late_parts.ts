/**
 * The parts of both runtimes that few gateways use, loaded with their first use: `node:http` and
 * what belongs to it take megabytes.
 */
import type { Listener, Runtime, ServeOptions } from "./runtime.ts";

/** Outgoing HTTP, as `createOutgoing` makes it. */
export function createLateOutgoing(): Runtime["request"] {
  let loading: Promise<Runtime["request"]> | undefined;
  const load = async () => {
    try {
      return (await import("./outgoing.ts")).createOutgoing();
    } catch (fault) {
      // With too many files open, say: the next request tries again.
      loading = undefined;
      throw fault;
    }
  };
  return async (options) => await (await (loading ??= load()))(options);
}

/** The hardened listener. */
export async function serveHardened(options: ServeOptions): Promise<Listener> {
  return await (await import("./hardened.ts")).serveHardened(options);
}
