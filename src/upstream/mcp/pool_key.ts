/**
 * Which callers share a connection. A session has its own. Callers that share a scope share a
 * connection if they declare the same capabilities. One connection serves all callers if the
 * dialect or the configuration allows it.
 */
import type { McpServerConfig } from "../../config/config.ts";
import type { Caller } from "../../model.ts";
import { declaredCapabilities } from "../link/client_shown.ts";
import type { Dialect } from "../link/dialect.ts";
import type { Attribution } from "./attribution.ts";

/** Which callers a connection serves. */
export interface PoolKey {
  /** Tells connections apart. */
  readonly id: string;
  /** The one scope it serves; undefined: all. */
  readonly scope: string | undefined;
  /** Whether its callers share it; false for a connection that one call has leased. */
  readonly isBase: boolean;
  /** Whether its scope is the session of one client, which the server may ask at any time. */
  readonly isSession: boolean;
}

const forAll = { scope: undefined, isBase: true, isSession: false } as const;

/**
 * The key of the connection that serves a caller in a dialect; `number` tells leased connections
 * apart.
 */
export function poolKeyOf(
  config: McpServerConfig,
  caller: Caller,
  number: number,
  dialect: Dialect | undefined,
): PoolKey {
  if (dialect?.sharing === "all") return { ...forAll, id: `all ${dialect.name}` };
  if (config.isolation === "shared") return { ...forAll, id: "all" };
  const { scope } = caller;
  if (caller.sharesScope !== true) {
    return { id: `scope ${scope}`, scope, isBase: true, isSession: true };
  }
  const declared = JSON.stringify(declaredCapabilities(config, caller));
  const id = `scope ${scope} ${number} ${declared}`;
  return { id, scope, isBase: number === 0, isSession: false };
}

/** How precisely the gateway can tell which call a message on this connection belongs to. */
export function attributionOf(config: McpServerConfig, { sharesScope }: Caller): Attribution {
  if (config.isolation === "shared") return "sole";
  return sharesScope === true ? "working" : "latest";
}
