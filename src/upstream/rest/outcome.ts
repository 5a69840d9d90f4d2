/**
 * Whether a failed call may have taken effect at its API, as `outcome` in the failure: what a client
 * needs to know before it makes the call again. Not here: a status of 2xx, which is no failure.
 */
import { GatewayError } from "../../errors.ts";

/**
 * - `not_sent`: the API never got the request.
 * - `refused`: the API said no before it worked.
 * - `unknown`: the call may have taken effect.
 */
export type Outcome = "not_sent" | "refused" | "unknown";

/** What a status says that is no success: an API may redirect after it has worked, as 303 says. */
export function outcomeOfStatus(status: number): Outcome {
  return status >= 400 && status < 500 ? "refused" : "unknown";
}

/** The same failure with this outcome, unless it has one. */
export function withOutcome(error: GatewayError, outcome: Outcome): GatewayError {
  const { code, message, data, upstream, cause } = error;
  if (data?.["outcome"] !== undefined) return error;
  return new GatewayError(code, message, {
    data: { ...data, outcome },
    ...(upstream === undefined ? {} : { upstream }),
    cause,
  });
}

/** The outcome of a failure. */
export function outcomeOf({ data }: GatewayError): Outcome {
  const outcome = data?.["outcome"];
  return outcome === "not_sent" || outcome === "refused" ? outcome : "unknown";
}

const words = "; whether the call took effect is unknown";

/** The same failure, whose words say it too where a call that changes something may have done so. */
export function inWords(error: GatewayError): GatewayError {
  const { code, message, data, cause } = error;
  if (outcomeOf(error) !== "unknown" || message.endsWith(words)) return error;
  const said = `${message}${words}`;
  return new GatewayError(code, said, { data: { ...data, error: said }, cause });
}
