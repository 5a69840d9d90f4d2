/**
 * Whether a principal may make this call: the step asks the gateway's policy about the resolved
 * target. A denied call fails as if its target did not exist. A call that returns with answers is
 * checked again, since the principal may have lost the right since.
 */
import { GatewayError, toGatewayError, withOutcome } from "../../errors.ts";
import { hintsOf, possibleAnswers } from "../access_policy.ts";
import { unknownItem } from "../lookup.ts";
import { needsConsent } from "./consent.ts";
import type { CallContext, MakeStep, StepDeps, Target } from "./steps.ts";

/** Makes the step. */
export const makePolicyStep: MakeStep = (deps) => ({
  name: "policy",
  before(context) {
    const { target } = context;
    if (target === undefined) return;
    try {
      if (!dependsOnHints(context, target, deps)) return assertAllowed(context, target, deps);
      return learnHints(context, target, deps)
        .then((found) => assertAllowed(context, context.target = found, deps))
        .catch((thrown) => refuse(context, thrown));
    } catch (thrown) {
      refuse(context, thrown);
    }
  },
});

/** Fails a call; one that returns with answers had begun. */
function refuse({ call }: CallContext, thrown: unknown): never {
  const isReturn = call.resume?.state !== undefined;
  throw isReturn ? withOutcome(toGatewayError(thrown), "unknown") : thrown;
}

/** Whether the answer depends on the hints of a tool whose definition was not looked at. */
function dependsOnHints(
  { principal }: CallContext,
  { server, item }: Target,
  { policy }: StepDeps,
): boolean {
  if (item === undefined || item.hints !== undefined) return false;
  const answers = possibleAnswers(policy, principal, server.config.name, item);
  return answers.some((answer) => answer !== answers[0]);
}

/**
 * The target with the hints of its tool. Rejects as for an unknown tool if the server lists no such
 * one, and with the server's failure if it cannot list any.
 */
async function learnHints(
  { call: { caller } }: CallContext,
  target: Target,
  { catalog }: StepDeps,
): Promise<Target> {
  const { server, item } = target;
  if (item === undefined) return target;
  let failure: GatewayError | undefined;
  // A list made for another client may lack the tool: then the client's own is read.
  for (const source of ["nearest", "own"] as const) {
    const options = { patience: { kind: "call" }, source } as const;
    const { items, error } = await catalog.part("tools", server, caller, options);
    const tool = items.find(({ name }) => name === item.own);
    if (tool !== undefined) return { ...target, item: { ...item, hints: hintsOf(tool) } };
    failure ??= error;
  }
  throw failure ?? unknownItem(item.kind, item.offered);
}

function assertAllowed(
  context: CallContext,
  { server: { config: { name } }, item }: Target,
  { policy }: StepDeps,
): void {
  const { principal, call } = context;
  switch (policy(principal, name, item)) {
    case "allow":
      return;
    case "ask":
      if (needsConsent(call.method)) context.consent = "needed";
      return;
    case "deny":
      throw item === undefined
        ? new GatewayError("method_not_found", `Unknown method "${call.method}"`, {
          isDenial: true,
        })
        : unknownItem(item.kind, item.offered, true);
  }
}
