/**
 * The trial of a server: a start for no client, which fills the catalog before the first client
 * needs it. It declares no client capability but `roots`, as configured, and no extension: a server
 * lists more for some extensions, which a client without them could not use. The first client with
 * extensions has its own connection list, which is stored for those that come after it.
 */
import { type Caller, gatewayPrincipal } from "../../model.ts";
import { trialRevisions } from "../link/dialect.ts";

/** The scope of every trial; no session has it. */
export const trialScope = "trial";

/** On whose behalf a server is tried: a program, or a remote one. */
export function trialCallerOf(kind: keyof typeof trialRevisions): Caller {
  return {
    principal: gatewayPrincipal,
    scope: trialScope,
    revision: trialRevisions[kind],
    capabilities: {},
    clientInfo: {},
  };
}
