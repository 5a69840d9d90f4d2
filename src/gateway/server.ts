/** A configured server with its upstream, and which of them are behind one surface. Types only. */
import type { ServerConfig } from "../config/config.ts";
import type { Upstream } from "../upstream/upstream.ts";

/** One server of the running configuration. */
export interface Member {
  readonly config: ServerConfig;
  readonly upstream: Upstream;
}

/** The servers behind one surface, and how their names look on it. */
export interface View {
  readonly surface: string;
  readonly members: readonly Member[];
  readonly prefixed: boolean;
}
