/**
 * Requests with methods that the protocol does not define. On a server's own surface they reach it
 * like any call, unless some of its tools are withheld; on other surfaces they are unknown methods.
 * The codecs hold the protocol's method names. Web APIs refuse such requests themselves.
 */
import { withholds } from "../config/tool_filter.ts";
import type { ResolvedSurface, Server } from "./server.ts";

/** The server that such requests to a surface reach. */
export function foreignTarget(
  { takesForeign, servers: [server] }: ResolvedSurface,
): Server | undefined {
  if (!takesForeign || server === undefined) return undefined;
  // A filter names tools; it cannot say what another method reaches.
  return withholds(server.config.tools) ? undefined : server;
}
