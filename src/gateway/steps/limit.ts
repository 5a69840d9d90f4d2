/**
 * The limit of concurrent calls by clients without a session, over all such clients. The calls of a
 * session are bounded in its binding, where their ids are. A call that returns with answers was
 * counted before it was parked, and passes.
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
