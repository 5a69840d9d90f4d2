/**
 * The trial of a server: a start for no client, which fills the catalog before the first client
 * needs it. It declares no client capability but `roots`, as configured.
 */
import { anonymous, type Caller } from "../model.ts";
import { usualWire } from "./negotiate.ts";

/** The scope of every trial; no session has it. */
export const trialScope = "trial";

/** On whose behalf a trial is made. */
export const trialCaller: Caller = {
  principal: anonymous,
  scope: trialScope,
  wire: usualWire,
  capabilities: {},
  clientInfo: {},
};
