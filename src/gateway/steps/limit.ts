/**
 * How many calls are under way at once for clients without a session: a bound over all of them,
 * whichever way they come in. A session's calls are bounded where their ids are, in its binding. A
 * call that returns with answers was counted before it waited, and passes.
 */
import { GatewayError } from "../../errors.ts";
import type { CallContext, MakeStep } from "./steps.ts";

/** Makes the step. */
export const makeLimitStep: MakeStep = ({ limits }) => {
  const counted = new WeakSet<CallContext>();
  let underWay = 0;
  return {
    name: "limit",
    before(context) {
      const { caller, resume } = context.call;
      if (caller.sharesScope !== true || resume?.state !== undefined) return;
      if (underWay >= limits.statelessCallsMax) throw new GatewayError("overloaded");
      underWay += 1;
      counted.add(context);
    },
    end(context) {
      if (counted.delete(context)) underWay -= 1;
    },
  };
};
