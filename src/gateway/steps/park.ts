/**
 * Calls of clients who cannot be asked while a call runs. A question of an upstream ends what the
 * client sees, the exchange itself is parked, and the client's return goes on with it; an upstream's
 * own pause passes, its state sealed. A state is bound to its principal, target and arguments, and
 * expires; it is signed, not hidden, since its client may read what an upstream told it. Nothing
 * here makes a call a second time.
 */
import { type Clock, sleep } from "../../clock.ts";
import { GatewayError, toGatewayError, withOutcome } from "../../errors.ts";
import type { Limits } from "../../limits.ts";
import type {
  Ask,
  Call,
  Exchange,
  InputRequired,
  JsonObject,
  Question,
  Reply,
  Resume,
} from "../../model.ts";
import type { Sealer } from "../../seal.ts";
import { deferredExchange, mappedExchange, settledExchange } from "../exchange.ts";
import { createParks, type Park } from "./parked_calls.ts";
import { lacking, missingCapability } from "../../client_capabilities.ts";

/** What the step works with. */
export interface ParkDeps {
  readonly sealer: Sealer;
  readonly clock: Clock;
  readonly limits: Limits;
}

/** The step, and its end. */
export interface ParkStep {
  /** Runs a call of any caller on a surface. */
  run(surface: string, call: Call, next: (call: Call) => Exchange): Exchange;
  /** Gives up whatever waits for a client. */
  close(): void;
}

/** By this server of a question's `_meta` a server may name its key, so that clients know it before. */
const keyMember = "mcp-wrapper/key";

/** To whom and to what a state belongs; worked out only where there is a state. */
type Binding = () => Promise<string>;

/** What a state says: which park to go on with, or what an upstream wants back. */
type State = { readonly park: string } | { readonly upstream: string };

/** Makes the step. */
export function createParkStep({ sealer, clock, limits }: ParkDeps): ParkStep {
  const parks = createParks({ clock, limits });

  const seal = async (state: State, binding: Binding): Promise<string> =>
    await sealer.seal(
      "input",
      { ...state, expiresAt: clock.wall() + limits.parkMs },
      await binding(),
    );

  /** Throws for a state that is not ours, not for this call, or too old. */
  const open = async (text: string, binding: Binding): Promise<State> => {
    const opened = await sealer.open("input", text, await binding());
    if (opened === undefined || Number(opened["expiresAt"]) < clock.wall()) {
      const why = opened === undefined ? "it does not belong to this call" : "it has expired";
      const error = new GatewayError(
        "invalid_params",
        `Cannot go on with this state: ${why}; start a new call`,
      );
      // What a client brings back late had begun.
      throw opened === undefined ? error : withOutcome(error, "unknown");
    }
    return opened as unknown as State;
  };

  /** Leaves an exchange waiting; the pause that its client gets. */
  const park = async (
    waiting: Park,
    call: Call,
    binding: Binding,
    isGone: () => boolean = () => false,
  ): Promise<Reply> => {
    try {
      const id = crypto.randomUUID();
      const state = await seal({ park: id }, binding);
      if (isGone()) throw new GatewayError("cancelled");
      parks.add(id, call.caller.principal.id, waiting);
      return { kind: "inputRequired", questions: [...waiting.open.values()], state };
    } catch (thrown) {
      waiting.exchange.cancel("It cannot wait");
      return { kind: "failure", error: toGatewayError(thrown) };
    }
  };

  /** Goes on with a parked exchange: what is answered is handed on, what is not is asked again. */
  const goOn = async (parked: Park, given: Resume, call: Call, binding: Binding) => {
    const { exchange, open: questions, refused, target } = parked;
    Object.assign(call.target ?? {}, target);
    const missing = new Map(
      [...questions].filter(([, { key }]) => !Object.hasOwn(given.answers, key)),
    );
    for (const [askId, { key }] of questions) {
      const value = Object.hasOwn(given.answers, key) ? given.answers[key] : undefined;
      if (value !== undefined) exchange.answer(askId, { kind: "answer", value });
    }
    if (missing.size === 0) return watch(exchange, call, binding, {}, refused);
    return settledExchange(await park({ ...parked, open: missing }, call, binding));
  };

  /** The exchange as its client sees it: an ask ends it as a pause. */
  const watch = (
    exchange: Exchange,
    call: Call,
    binding: Binding,
    /** Answers that were brought along with a first call. */
    brought: Resume["answers"],
    /** The capabilities for want of which questions of this call were refused. */
    refused: JsonObject[] = [],
  ): Exchange => {
    const { capabilities } = call.caller;
    let isParked = false;
    let isCancelled = false;
    let last: Promise<Reply> | undefined;
    let ahead: Promise<Reply> | undefined;
    const pull = (): Promise<Reply> => {
      const reply = ahead ?? exchange.next();
      ahead = undefined;
      return reply;
    };
    /** A question that the client can be asked; the others are answered on the spot. */
    const takeAsk = (ask: Ask, taken: Map<string, Question>): void => {
      const missing = missingCapability(ask, capabilities);
      if (missing !== undefined) {
        refused.push(missing.required);
        const { code, message } = new GatewayError("method_not_found").toRpc();
        return void exchange.answer(ask.id, { kind: "refusal", code, message });
      }
      const question = toQuestion(ask, new Set([...taken.values()].map(({ key }) => key)));
      const value = Object.hasOwn(brought, question.key) ? brought[question.key] : undefined;
      if (value !== undefined) return void exchange.answer(ask.id, { kind: "answer", value });
      taken.set(ask.id, question);
    };
    /** Questions that come at nearly the same time travel together. */
    const gather = async (taken: Map<string, Question>): Promise<Reply> => {
      for (;;) {
        ahead ??= exchange.next();
        const next = await within(ahead, limits.parkGatherMs, clock);
        if (next === undefined || next.kind === "notice") break;
        // It asked and did not wait: nobody needs the answers any more.
        if (next.kind !== "ask") return await ending(next);
        ahead = undefined;
        takeAsk(next, taken);
      }
      // What was pulled too early is the first that the client hears when it is back.
      const waiting = {
        exchange: withAhead(exchange, ahead),
        open: taken,
        refused,
        target: call.target,
      };
      const reply = await park(waiting, call, binding, () => isCancelled);
      isParked = true;
      return reply;
    };
    const advance = async (): Promise<Reply> => {
      for (;;) {
        const reply = await pull();
        if (reply.kind === "notice") return reply;
        if (reply.kind !== "ask") return await ending(reply);
        const taken = new Map<string, Question>();
        takeAsk(reply, taken);
        if (taken.size > 0) return await gather(taken);
      }
    };
    const ending = async (reply: Exclude<Reply, Ask>): Promise<Reply> => {
      if (reply.kind === "inputRequired") return await sealed(reply);
      const isGood = reply.kind === "result" && reply.value["isError"] !== true;
      return isGood || refused.length === 0 ? reply : { kind: "failure", error: lacking(refused) };
    };
    /** An upstream's own pause: its state comes back to it as it was. */
    const sealed = async (reply: InputRequired): Promise<Reply> => {
      const lacks = reply.questions.map((one) => missingCapability(one, capabilities)?.required)
        .filter((one) => one !== undefined);
      if (lacks.length > 0) return { kind: "failure", error: lacking(lacks) };
      if (reply.state === undefined) return reply;
      return { ...reply, state: await seal({ upstream: reply.state }, binding) };
    };
    return {
      next() {
        if (last !== undefined) return last;
        const reply = advance().catch((thrown): Reply => ({
          kind: "failure",
          error: toGatewayError(thrown),
        }));
        return reply.then((one) => {
          if (one.kind !== "notice") last = reply;
          return one;
        });
      },
      answer: () => false,
      cancel(reason) {
        isCancelled = true;
        if (!isParked) exchange.cancel(reason);
      },
    };
  };

  const resume = async (
    call: Call,
    given: Resume,
    binding: Binding,
    next: (call: Call) => Exchange,
  ): Promise<Exchange> => {
    if (given.state === undefined) return watch(next(call), call, binding, given.answers);
    const state = await open(given.state, binding);
    if ("upstream" in state) {
      const passed = { ...call, resume: { answers: given.answers, state: state.upstream } };
      return watch(next(passed), call, binding, {});
    }
    const parked = parks.take(state.park);
    if (parked === undefined) {
      throw withOutcome(new GatewayError("park_gone"), "unknown");
    }
    return await goOn(parked, given, call, binding);
  };

  return {
    run(surface, call, next) {
      if (call.caller.asksByResult !== true) return mappedExchange(next(call), withoutPause);
      const { resume: given } = call;
      const binding = () => bindingOf(surface, call, sealer);
      return given === undefined
        ? watch(next(call), call, binding, {})
        : deferredExchange(() => resume(call, given, binding, next));
    },
    close: parks.close,
  };
}

/** What a request says of itself may differ on its return, such as its trace; so may the order of keys. */
async function bindingOf(surface: string, call: Call, sealer: Sealer): Promise<string> {
  const { caller, method, params: { _meta, ...params } } = call;
  const digest = await sealer.digest(JSON.stringify(params, inOrder));
  return JSON.stringify([caller.principal.id, surface, method, digest]);
}

/** Of a value on its way into a text: objects with their servers in one order. */
function inOrder(_key: string, value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  const servers = Object.entries(value);
  return Object.fromEntries(servers.sort(([one], [other]) => one < other ? -1 : 1));
}

function withoutPause(reply: Reply): Reply {
  if (reply.kind !== "inputRequired") return reply;
  return { kind: "failure", error: new GatewayError("bad_upstream_response") };
}

function toQuestion({ method, params }: Ask, taken: ReadonlySet<string>): Question {
  const { _meta, ...plain } = params;
  const meta = (_meta ?? {}) as JsonObject;
  const { [keyMember]: named, ...others } = meta;
  const key = typeof named === "string" && !taken.has(named) ? named : crypto.randomUUID();
  const isEmpty = Object.keys(others).length === 0;
  return { key, method, params: isEmpty ? plain : { ...plain, _meta: others } };
}

/** What a promise brings within a time; undefined when that passes first. */
async function within<T>(promise: Promise<T>, ms: number, clock: Clock): Promise<T | undefined> {
  const over = new AbortController();
  const late = sleep(clock, ms, over.signal).then(() => undefined, () => undefined);
  try {
    return await Promise.race([promise, late]);
  } finally {
    over.abort();
  }
}

/** The same exchange, of which one reply has been pulled already. */
function withAhead(exchange: Exchange, ahead: Promise<Reply> | undefined): Exchange {
  let first = ahead;
  return {
    ...exchange,
    next() {
      const reply = first ?? exchange.next();
      first = undefined;
      return reply;
    },
  };
}
