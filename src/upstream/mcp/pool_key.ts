/**
 * Which callers share a lane: a session has one to itself, callers with deferred answers share those
 * of their scope by what they declare, and one serves all where each request says for whom it is
 * made, or where the operator decided so.
 */
import type { LaneServerConfig } from "../../config/config.ts";
import type { Caller } from "../../model.ts";
import { declaredCapabilities, type Manner } from "../link/dialect.ts";
import type { Attribution } from "./attribution.ts";

/** Which callers a lane serves. */
export interface LaneKey {
  /** Tells lanes apart. */
  readonly id: string;
  /** The one scope it serves; undefined: all. */
  readonly scope: string | undefined;
  /** Whether it is its callers' common one, and not one next to it that a single call has leased. */
  readonly isBase: boolean;
  /** Whether its scope is the session of one client, which can be asked at any time. */
  readonly isSession: boolean;
}

const forAll = { scope: undefined, isBase: true, isSession: false } as const;

/** The key of the lane that serves a caller in a manner; `number` tells leased lanes apart. */
export function laneKeyOf(
  config: LaneServerConfig,
  caller: Caller,
  number: number,
  manner: Manner | undefined,
): LaneKey {
  if (manner?.stateless === true) return { ...forAll, id: `all ${manner.name}` };
  if (config.isolation === "shared") return { ...forAll, id: "all" };
  const { scope } = caller;
  if (caller.deferred !== true) {
    return { id: `scope ${scope}`, scope, isBase: true, isSession: true };
  }
  const declared = JSON.stringify(declaredCapabilities(config, caller));
  const id = `scope ${scope} ${number} ${declared}`;
  return { id, scope, isBase: number === 0, isSession: false };
}

/** How far the calls of a lane that a caller starts can be told apart. */
export function attributionOf(config: LaneServerConfig, { deferred }: Caller): Attribution {
  if (config.isolation === "shared") return "sole";
  return deferred === true ? "working" : "latest";
}
