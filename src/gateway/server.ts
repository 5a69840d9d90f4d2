/** A configured server with its upstream, and which of them are behind one surface. Types only. */
import type { ServerConfig } from "../config/config.ts";
import type { Upstream } from "../upstream/upstream.ts";

/** One server of the running configuration. */
export interface Server {
  readonly config: ServerConfig;
  readonly upstream: Upstream;
}

/** The servers behind one surface, and how their names look on it. */
export interface ResolvedSurface {
  readonly surface: string;
  readonly servers: readonly Server[];
  readonly prefixed: boolean;
}
