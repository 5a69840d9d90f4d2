/**
 * Who has to log in at one server before a connection can be opened: for the state that the operator
 * sees. A start that waits for a log-in is no failure of the server, so that no pause follows it.
 * Not here: whether there is a grant (src/grants/), which each start asks.
 */
import { putWithin } from "../../bounded.ts";
import type { GatewayError } from "../../errors.ts";
import type { Limits } from "../../limits.ts";
import { gatewayPrincipal } from "../../model.ts";
import { toStartReason } from "../link/start_errors.ts";

/** The log-ins that are missing at one server. */
export interface LoginNeeds {
  /** A start for this principal failed with this error; undefined: it went well. */
  note(principal: string, error: GatewayError | undefined): void;
  /** A principal logged in, or (undefined) all did. */
  forget(principal: string | undefined): void;
  /** Why the latest of those starts failed; goes on after "it". Undefined: no log-in is missing. */
  problem(): string | undefined;
}

/** Makes the record: no log-in is missing. */
export function createLoginNeeds(
  { crashingScopesMax }: Pick<Limits, "crashingScopesMax">,
): LoginNeeds {
  const reasons = new Map<string, string>();
  const forget = (principal: string): void => {
    reasons.delete(principal);
    // What the trial found out no longer says what the operator has to do.
    reasons.delete(gatewayPrincipal.id);
  };
  return {
    note(principal, error) {
      if (error === undefined) return forget(principal);
      putWithin(reasons, principal, toStartReason(error, (text) => text), crashingScopesMax);
    },
    forget(principal) {
      if (principal === undefined) reasons.clear();
      else forget(principal);
    },
    problem: () => [...reasons.values()].at(-1),
  };
}
