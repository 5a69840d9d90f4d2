/**
 * Calls of clients that cannot be asked while a call runs. When a server asks, the call ends for
 * its client as `InputRequired`; the server's exchange is parked until the client returns with
 * answers. When a server itself ends a call to ask, its state is sealed on the way out and opened
 * on the way back. A state is bound to its principal, surface and arguments, and expires. It is
 * signed, not encrypted, since its client may read what a server sent it. No call is executed
 * twice.
 */
import { consumerOf } from "../../consumers.ts";
import { GatewayError, toGatewayError, withOutcome } from "../../errors.ts";
import type { Ask, Ending, InputRequired, JsonObject, Notice, Question } from "../../model.ts";
import type { Policy } from "../access_policy.ts";
import { lacking, missingCapability } from "../../client_capabilities.ts";
import { ownerOf } from "../serving_instance.ts";
import { takeOver } from "./consent.ts";
import { type SealedStates, sealedStates } from "./sealed_state.ts";
import { createParks, type Park, type Parks, resumed, toQuestion } from "./parked_calls.ts";
import type { CallContext, CallControl, MakeStep, StepAnswer } from "./steps.ts";

/** What a client gets that returns too late. */
const gaveWayText = "The call waited for this input until the server was needed for other work; " +
  "it was given up and will not be repeated";

/** What the step keeps. */
interface Parking {
  readonly parks: Parks;
  readonly states: SealedStates;
  readonly policy: Policy;
  /** The name of this instance. */
  readonly instance: string;
  /** Starts the wait in which further asks are gathered. */
  readonly gather: (then: () => void) => () => void;
  /** The calls that have been asked something. */
  readonly asked: WeakMap<CallContext, Asked>;
}

/** A call that was asked something. */
interface Asked {
  /** Ask id -> the question that the client got. */
  readonly open: Map<string, Question>;
  /** The missing capabilities for which its other asks were refused. */
  readonly refused: JsonObject[];
  /** Stops the gathering. */
  cancelGather: (() => void) | undefined;
}

/** Makes the step. */
export const makeParkStep: MakeStep = ({ sealer, instance, policy, clock, limits, emit }) => {
  const parking: Parking = {
    parks: createParks({ clock, limits, emit }),
    states: sealedStates({ sealer, clock, limits }),
    instance,
    policy,
    gather: (then) => clock.after(limits.parkGatherMs, then),
    asked: new WeakMap(),
  };
  return {
    name: "park",
    before: (context) => isAskedByResult(context) ? enter(parking, context) : undefined,
    reply: (context, reply, control) =>
      isAskedByResult(context) ? pass(parking, context, reply, control) : reply,
    end: (context, ending) =>
      isAskedByResult(context) ? leave(parking, context, ending) : withoutInput(ending),
    revoke: parking.parks.revoke,
    held: parking.parks.count,
    close: parking.parks.close,
  };
};

const isAskedByResult = ({ call }: CallContext): boolean => call.caller.asksByResult === true;

/** Sessions are asked while a call runs, so their calls never end with questions. */
function withoutInput(ending: Ending): Ending {
  if (ending.kind !== "inputRequired") return ending;
  return { kind: "failure", error: new GatewayError("bad_upstream_response") };
}

/** A call without a state continues to its server; one that returns resumes its parked exchange. */
function enter(
  parking: Parking,
  context: CallContext,
): Promise<StepAnswer | undefined> | undefined {
  const state = context.call.resume?.state;
  return state === undefined ? undefined : goOn(parking, context, state);
}

async function goOn(
  parking: Parking,
  context: CallContext,
  text: string,
): Promise<StepAnswer | undefined> {
  const { call } = context;
  const answers = call.resume?.answers ?? {};
  const state = await parking.states.open(text, context);
  if ("upstream" in state) {
    if (context.unresolved !== undefined) throw context.unresolved;
    assertSameTool(context, state.called);
    if (state.isAllowed) context.consent = "given";
    context.call = { ...call, resume: { answers, state: state.upstream } };
    return undefined;
  }
  const { parks, instance } = parking;
  const parked = state.owner === instance ? parks.take(state.park) : undefined;
  if (parked === undefined) {
    const why = parks.gaveWay(state.park) ? gaveWayText : undefined;
    throw withOutcome(new GatewayError("park_gone", why), "unknown");
  }
  Object.assign(call.target ?? {}, parked.target);
  context.target = parked.context.target;
  assertStillAllowed(parking, context, parked);
  // The call continues without the client's answers, which belong to the earlier questions.
  context.call = { ...call, resume: undefined };
  context.use = parked.use;
  takeOver(parked.exchange, context);
  const missing = new Map<string, Question>();
  for (const [askId, question] of parked.open) {
    const value = answerFor(question, answers);
    if (value === undefined) missing.set(askId, question);
    else parked.exchange.answer(askId, { kind: "answer", value });
  }
  if (missing.size > 0) {
    context.use = undefined;
    return await park(parking, context, { ...parked, open: missing }, () => context.isGivenUp);
  }
  parking.asked.set(context, {
    open: new Map(),
    refused: parked.refused,
    cancelGather: undefined,
  });
  return resumed(parked);
}

/** A server's state reaches that server alone, though another page may have been read since. */
function assertSameTool({ target }: CallContext, called: string | undefined): void {
  if (called === undefined || called === target?.item?.offered) return;
  const error = new GatewayError(
    "invalid_params",
    `Cannot go on with this state: it belongs to a call of "${called}"; start a new call`,
  );
  throw withOutcome(error, "unknown");
}

/** Cancels the waiting call if the principal may no longer make it. */
function assertStillAllowed(
  { policy }: Parking,
  { principal, target }: CallContext,
  { exchange, use }: Park,
): void {
  if (target === undefined) return;
  const { server: { config: { name } }, item } = target;
  if (policy(principal, name, item) !== "deny") return;
  exchange.cancel("The client may no longer make this call");
  use?.release();
  throw withOutcome(new GatewayError("park_gone"), "unknown");
}

function answerFor(
  { key }: Question,
  answers: Readonly<Record<string, JsonObject>>,
): JsonObject | undefined {
  return Object.hasOwn(answers, key) ? answers[key] : undefined;
}

/**
 * Relays a notice. An ask is held back and, together with asks that follow at once, ends the call.
 */
function pass(
  parking: Parking,
  context: CallContext,
  reply: Notice | Ask,
  control: CallControl,
): Notice | undefined {
  const asked = parking.asked.get(context);
  if (reply.kind === "notice") {
    if (asked?.cancelGather === undefined) return reply;
    // The server continues: its next message is the first that the client gets on its return.
    void leaveWaiting(parking, context, asked, control, reply);
    return undefined;
  }
  const mine = asked ?? { open: new Map(), refused: [], cancelGather: undefined };
  parking.asked.set(context, mine);
  takeAsk(parking, context, mine, reply, control);
  return undefined;
}

/** Keeps an ask that the client can answer; others are answered at once. */
function takeAsk(
  parking: Parking,
  context: CallContext,
  asked: Asked,
  ask: Ask,
  control: CallControl,
): void {
  const { call } = context;
  const missing = missingCapability(ask, call.caller.capabilities);
  if (missing !== undefined) {
    asked.refused.push(missing.required);
    const { code, message } = new GatewayError("method_not_found").toRpc();
    return control.answer(ask.id, { kind: "refusal", code, message });
  }
  const question = toQuestion(ask, new Set([...asked.open.values()].map(({ key }) => key)));
  // Answers that come with a state belong to the questions sent with it.
  const { answers, state } = call.resume ?? {};
  const value = state === undefined ? answerFor(question, answers ?? {}) : undefined;
  if (value !== undefined) return control.answer(ask.id, { kind: "answer", value });
  asked.open.set(ask.id, question);
  asked.cancelGather ??= parking.gather(() => {
    void leaveWaiting(parking, context, asked, control);
  });
}

/** Parks the server's exchange and ends the call for its client. */
async function leaveWaiting(
  parking: Parking,
  context: CallContext,
  asked: Asked,
  control: CallControl,
  early?: Notice,
): Promise<void> {
  asked.cancelGather?.();
  asked.cancelGather = undefined;
  const exchange = control.detach();
  if (exchange === undefined) return;
  const { use } = context;
  context.use = undefined;
  const waiting: Park = {
    exchange,
    early,
    open: asked.open,
    refused: asked.refused,
    target: context.call.target,
    context,
    use,
  };
  control.endEarly("park", await park(parking, context, waiting, () => control.isOver()));
}

/** Keeps an exchange, and returns the ending that its client gets. */
async function park(
  parking: Parking,
  context: CallContext,
  waiting: Park,
  isGone: () => boolean,
): Promise<Ending> {
  try {
    const id = crypto.randomUUID();
    const state = await parking.states.seal({ park: id, owner: parking.instance }, context);
    if (isGone()) throw new GatewayError("cancelled");
    parking.parks.add(id, consumerOf(context.call.caller), waiting);
    return { kind: "inputRequired", questions: [...waiting.open.values()], state };
  } catch (thrown) {
    waiting.exchange.cancel("The call cannot be parked");
    waiting.use?.release();
    return { kind: "failure", error: toGatewayError(thrown) };
  }
}

/** The server's own ending. A failure caused by undeclared client capabilities names them. */
function leave(
  parking: Parking,
  context: CallContext,
  ending: Ending,
): Ending | Promise<Ending> {
  const asked = parking.asked.get(context);
  // The server ended the call without waiting, so the answers are no longer needed.
  asked?.cancelGather?.();
  if (ending.kind === "inputRequired") return sealed(parking, context, ending);
  const isGood = ending.kind === "result" && ending.value["isError"] !== true;
  const refused = asked?.refused ?? [];
  return isGood || refused.length === 0 || context.isGivenUp
    ? ending
    : { kind: "failure", error: lacking(refused) };
}

/** A server that ends a call to ask gets its state back as it was. */
async function sealed(
  parking: Parking,
  context: CallContext,
  ending: InputRequired,
): Promise<Ending> {
  const { capabilities } = context.call.caller;
  const lacks = ending.questions.map((one) => missingCapability(one, capabilities)?.required)
    .filter((one) => one !== undefined);
  if (lacks.length > 0) return { kind: "failure", error: lacking(lacks) };
  if (ending.state === undefined) return ending;
  const { consent, target } = context;
  const state = {
    upstream: ending.state,
    called: target?.item?.offered,
    isAllowed: consent !== "none",
    ...(target === undefined ? {} : ownerOf(target.server, parking.instance)),
  };
  return { ...ending, state: await parking.states.seal(state, context) };
}
