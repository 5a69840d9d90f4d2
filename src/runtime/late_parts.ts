/**
 * The parts of all runtimes that few gateways need. They are loaded when they are first used,
 * which spares other gateways the memory of `node:http`.
 */
import type { Listener, Runtime, ServeOptions } from "./runtime.ts";
import type { ReleaseSocket } from "./written_body.ts";

/** Outgoing HTTP; `createOutgoing` is loaded with the first request. */
export function createLateOutgoing(): Runtime["request"] {
  let loading: Promise<Runtime["request"]> | undefined;
  const load = async () => {
    try {
      return (await import("./outgoing.ts")).createOutgoing();
    } catch (fault) {
      // The next request tries again: the cause may pass, such as too many open files.
      loading = undefined;
      throw fault;
    }
  };
  return async (options) => await (await (loading ??= load()))(options);
}

/** Starts the hardened listener. */
export async function serveHardened(
  options: ServeOptions,
  release?: ReleaseSocket,
): Promise<Listener> {
  return await (await import("./hardened.ts")).serveHardened(options, release);
}
