/**
 * Whether a principal may make this call: the step asks the gateway's policy about the resolved
 * target. A denied call fails as if its target did not exist. A call that returns with answers is
 * checked again, since the principal may have lost the right since.
 */
import { GatewayError, toGatewayError, withOutcome } from "../../errors.ts";
import type { Policy } from "../access_policy.ts";
import { unknownItem } from "../lookup.ts";
import type { CallContext, MakeStep, Target } from "./steps.ts";

/** Makes the step. */
export const makePolicyStep: MakeStep = ({ policy }) => ({
  name: "policy",
  before(context) {
    const { target } = context;
    if (target === undefined) return;
    try {
      assertAllowed(context, target, policy);
    } catch (thrown) {
      // A call that returns with answers had begun.
      const isReturn = context.call.resume?.state !== undefined;
      throw isReturn ? withOutcome(toGatewayError(thrown), "unknown") : thrown;
    }
  },
});

function assertAllowed(
  { principal, call }: CallContext,
  { server: { config: { name } }, item }: Target,
  policy: Policy,
): void {
  switch (policy(principal, name, item)) {
    case "allow":
      return;
    case "ask":
      throw new GatewayError(
        "forbidden",
        `Cannot call "${item?.offered ?? call.method}": each call needs a person's consent, ` +
          "which this gateway has no way to ask for",
      );
    case "deny":
      throw item === undefined
        ? new GatewayError("method_not_found", `Unknown method "${call.method}"`)
        : unknownItem(item.kind, item.offered);
  }
}
