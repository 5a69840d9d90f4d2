/**
 * Whether a failed call took effect, for every call that passes the gateway: by the failure's own
 * outcome, or else by whether the call was handed to a server.
 */
import { type GatewayError, type Outcome, toGatewayError, withOutcome } from "../errors.ts";
import type { CallTarget, Ending } from "../model.ts";

/** The outcome in the failure, or else whether the call was handed to a server. */
export function outcomeFor({ outcome }: GatewayError, { isSent = false }: CallTarget): Outcome {
  return outcome ?? (isSent ? "unknown" : "not_sent");
}

/** The same reply; a failure gets its outcome. */
export function withOutcomeOf(reply: Ending, target: CallTarget): Ending {
  return reply.kind === "failure"
    ? { ...reply, error: withOutcome(reply.error, outcomeFor(reply.error, target)) }
    : reply;
}

/** What is looked up before a call is made: a server that fails there never got the call. */
export function unsent<T>(lookup: Promise<T>): Promise<T> {
  return lookup.catch((thrown) => {
    throw withOutcome(toGatewayError(thrown), "not_sent");
  });
}
