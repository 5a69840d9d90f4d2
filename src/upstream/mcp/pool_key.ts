/**
 * Which callers share a connection: a session has one to itself, callers that share a scope share
 * its connections by what they declare, and one serves all where the dialect or the operator allows
 * it.
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
  /**
   * Whether it is its callers' common one, and not one next to it that a single call has leased.
   */
  readonly isBase: boolean;
  /** Whether its scope is the session of one client, which can be asked at any time. */
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

/** How far the calls of a connection that a caller starts can be told apart. */
export function attributionOf(config: McpServerConfig, { sharesScope }: Caller): Attribution {
  if (config.isolation === "shared") return "sole";
  return sharesScope === true ? "working" : "latest";
}
