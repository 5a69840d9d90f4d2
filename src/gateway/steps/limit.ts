/**
 * The limits of calls: those of each principal, of which sessions and stateless calls count
 * together, and the number of concurrent calls by all clients without a session. The calls of one
 * session are bounded in its binding, too, where their ids are. A call that returns with answers was
 * counted before it was parked, and passes; so do calls that the gateway repeats for a client. Limits
 * that are kept at a server's connections are reported here as well.
 */
import { GatewayError } from "../../errors.ts";
import type { PrincipalRates } from "../principal_rates.ts";
import type { CallContext, MakeStep } from "./steps.ts";

/** Makes the step. */
export const makeLimitStep: MakeStep = ({ limits, rates }) => {
  const counted = new WeakSet<CallContext>();
  /** What ends the count of its principal's calls. */
  const ends = new WeakMap<CallContext, () => void>();
  let underWay = 0;
  return {
    name: "limit",
    before(context) {
      const { principal, call: { caller, resume, isRepeated } } = context;
      if (resume?.state !== undefined || isRepeated === true) return;
      const isStateless = caller.sharesScope === true;
      if (isStateless && underWay >= limits.statelessCallsMax) throw new GatewayError("overloaded");
      const end = rates.beginCall({ principal, consumer: caller.consumer });
      if (end !== undefined) ends.set(context, end);
      if (!isStateless) return;
      underWay += 1;
      counted.add(context);
    },
    end(context, ending) {
      if (ending.kind === "failure") report(rates, context, ending.error);
      if (counted.delete(context)) underWay -= 1;
      const end = ends.get(context);
      if (end === undefined) return;
      ends.delete(context);
      end();
    },
  };
};

/** Reports a call that was refused because its client has its share of what servers are used by. */
function report(
  rates: Pick<PrincipalRates, "report">,
  { principal, call: { caller: { consumer } } }: CallContext,
  { share, data }: GatewayError,
): void {
  if (share === undefined) return;
  const retryAfterMs = data?.["retryAfterMs"];
  rates.report(
    { principal, consumer },
    share,
    typeof retryAfterMs === "number" ? retryAfterMs : undefined,
  );
}
