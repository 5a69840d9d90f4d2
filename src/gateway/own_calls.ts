/**
 * Calls that the program around a gateway makes for itself, without a client and without HTTP: the
 * command line calls a tool, an embedding program its own. They pass the same steps as all others.
 */
import type { Caller, Exchange, JsonObject } from "../model.ts";
import type { Gateway } from "./surface.ts";

/** One such call. */
export interface OwnCall {
  /** Such as `tools/call`. */
  readonly method: string;
  readonly params?: JsonObject;
  readonly wantsProgress?: boolean;
  /** What the program can be asked, as clients declare it. Absent: nothing. */
  readonly capabilities?: JsonObject;
}

/**
 * Opens a call on a surface: `/mcp` for all servers, `/servers/NAME` for one. All calls of a gateway
 * use the same connection to a server.
 */
export type OpenOwnCall = (surface: string, call: OwnCall) => Exchange;

/** The scope of all of them; no session and no principal has it. */
const ownScope = "own";

/** Makes the function that opens them for a caller of this kind. */
export function createOwnCalls({ call: open }: Pick<Gateway, "call">, like: Caller): OpenOwnCall {
  return (surface, { method, params = {}, wantsProgress = false, capabilities = {} }) =>
    open(surface, {
      method,
      params,
      wantsProgress,
      caller: { ...like, scope: ownScope, capabilities },
    });
}
