/**
 * The state that a client receives when a call asks for input, and sends back with the answers. It
 * is signed, bound to its principal, surface, method and arguments, and expires.
 */
import { type Clock, steadyNow } from "../../clock.ts";
import { GatewayError, withOutcome } from "../../errors.ts";
import type { Limits } from "../../limits.ts";
import type { Sealer } from "../../seal.ts";
import type { CallContext } from "./steps.ts";

/** The content of a state: the parked call to resume, or the server's own state. */
export type State =
  | { readonly park: string; readonly owner: string }
  /**
   * `called`: what the call was resolved to, where its own params do not decide that. `isAllowed`:
   * a person has allowed the call already. `owner`: the instance that runs the server, if it does.
   */
  | {
    readonly upstream: string;
    readonly owner?: string | undefined;
    readonly called?: string | undefined;
    readonly isAllowed?: boolean | undefined;
  };

/** Seals states and opens them. */
export interface SealedStates {
  seal(state: State, context: CallContext): Promise<string>;
  /** Throws `invalid_params` for a state that is not ours, not for this call, or too old. */
  open(text: string, context: CallContext): Promise<State>;
}

/** Makes it. */
export function sealedStates(
  { sealer, clock, limits }: {
    readonly sealer: Sealer;
    readonly clock: Clock;
    readonly limits: Pick<Limits, "parkMs">;
  },
): SealedStates {
  return {
    async seal(state, context) {
      const expiresAt = steadyNow(clock) + limits.parkMs;
      return await sealer.seal("input", { ...state, expiresAt }, await bindingOf(context, sealer));
    },
    async open(text, context) {
      const opened = await sealer.open("input", text, await bindingOf(context, sealer));
      const leftMs = Number(opened?.["expiresAt"]) - steadyNow(clock);
      // One of an earlier run may come from a clock that was wrong.
      if (opened !== undefined && leftMs >= 0 && leftMs <= 2 * limits.parkMs) {
        return opened as unknown as State;
      }
      const why = opened === undefined ? "it does not belong to this call" : "it has expired";
      const error = new GatewayError(
        "invalid_params",
        `Cannot go on with this state: ${why}; start a new call`,
      );
      // What a client brings back late had begun.
      throw opened === undefined ? error : withOutcome(error, "unknown");
    },
  };
}

/**
 * What a request says of itself may differ on its return, such as its trace; so may the order of
 * keys.
 */
async function bindingOf(
  { principal, surface: { surface }, call }: CallContext,
  sealer: Sealer,
): Promise<string> {
  const { method, params: { _meta, ...params } } = call;
  const digest = await sealer.digest(JSON.stringify(params, inOrder));
  return JSON.stringify([principal.id, surface, method, digest]);
}

/** A JSON.stringify replacer that writes the members of every object in one order. */
function inOrder(_key: string, value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  const members = Object.entries(value);
  return Object.fromEntries(members.sort(([one], [other]) => one < other ? -1 : 1));
}
