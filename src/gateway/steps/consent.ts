/**
 * Calls that a person has to allow first. The call begins with a question to its client; only an
 * accepted one opens the call at its server, once. The question goes the way of a server's own: a
 * session is asked while the call runs, another client by the step `park`, whose state binds the
 * answer to principal, surface, method and arguments.
 */
import { missingCapability } from "../../client_capabilities.ts";
import type { Clock } from "../../clock.ts";
import { GatewayError, toGatewayError } from "../../errors.ts";
import type { Limits } from "../../limits.ts";
import type { Answer, Ask, Ending, Exchange, Reply } from "../../model.ts";
import { consentQuestion, unaskable } from "./consent_question.ts";
import type { CallContext, Target } from "./steps.ts";

/** What asking needs. */
interface AskingDeps {
  readonly clock: Clock;
  readonly limits: Limits;
}

/** Opens the call at its server. */
type OpenCall = (context: CallContext) => Exchange;

/**
 * Methods before which nothing is asked: they neither run nor read what they name, or are about a
 * task, whose start was allowed.
 */
const unasked: ReadonlySet<string> = new Set([
  "tasks/get",
  "tasks/result",
  "tasks/update",
  "tasks/cancel",
  "completion/complete",
  "resources/subscribe",
  "resources/unsubscribe",
  "skills/get",
  "resources/directory/read",
]);

/** Whether a person has to allow a call of this method where the policy says `ask`. */
export function needsConsent(method: string): boolean {
  return !unasked.has(method);
}

/**
 * The exchange of a call that begins with the question. Throws `consent_refused` when its client
 * cannot be asked, or not about this call.
 */
export function askFirst(
  context: CallContext,
  target: Target,
  open: OpenCall,
  deps: AskingDeps,
): Exchange {
  const problem = unaskable(target, deps.limits);
  if (problem !== undefined) throw refusal(target, problem);
  const ask: Ask = {
    kind: "ask",
    id: crypto.randomUUID(),
    method: "elicitation/create",
    params: consentQuestion(target, deps.limits),
  };
  const missing = missingCapability(ask, context.call.caller.capabilities);
  if (missing !== undefined) {
    throw refusal(target, `this client cannot be asked, since it did not declare ${missing.lacks}`);
  }
  return new AskedFirst(context, target, ask, open, deps);
}

/** A call that may be opened at its server later, or once more. */
export interface Reopening extends Exchange {
  /** Another request of the client goes on with the call: its server sees that one. */
  takeOver(context: CallContext): void;
}

/** Another request of the client goes on with the call. */
export function takeOver(exchange: Exchange, context: CallContext): void {
  if ("takeOver" in exchange) (exchange as Reopening).takeOver(context);
}

class AskedFirst implements Reopening {
  #context: CallContext;
  readonly #target: Target;
  readonly #open: OpenCall;
  readonly #cancelTimer: () => void;
  #sink: ((reply: Reply) => void) | undefined;
  /** What the reader has not got yet: the question, or the ending without a call. */
  #waiting: Ask | Ending | undefined;
  #askId: string | undefined;
  /** The call at its server. */
  #call: Exchange | undefined;

  constructor(
    context: CallContext,
    target: Target,
    ask: Ask,
    open: OpenCall,
    { clock, limits }: AskingDeps,
  ) {
    this.#context = context;
    this.#target = target;
    this.#open = open;
    this.#waiting = ask;
    this.#askId = ask.id;
    this.#cancelTimer = clock.after(limits.askMs, () => this.#refuse("no answer came in time"));
  }

  read(sink: ((reply: Reply) => void) | undefined): void {
    this.#sink = sink;
    if (this.#call !== undefined) return this.#call.read(sink);
    const reply = this.#waiting;
    if (sink === undefined || reply === undefined) return;
    this.#waiting = undefined;
    sink(reply);
  }

  answer(askId: string, answer: Answer): boolean {
    if (this.#call !== undefined) return this.#call.answer(askId, answer);
    if (askId !== this.#askId) return false;
    const problem = whyNot(answer);
    if (problem !== undefined) this.#refuse(problem);
    else this.#begin();
    return true;
  }

  cancel(reason: string): void {
    if (this.#call !== undefined) return this.#call.cancel(reason);
    this.#end(new GatewayError("cancelled"));
  }

  rest(giveWay: (() => void) | undefined): void {
    this.#call?.rest?.(giveWay);
  }

  takeOver(context: CallContext): void {
    this.#context = context;
    if (this.#call !== undefined) takeOver(this.#call, context);
  }

  #begin(): void {
    this.#close();
    try {
      this.#call = this.#open(this.#context);
    } catch (thrown) {
      return this.#give({ kind: "failure", error: toGatewayError(thrown) });
    }
    if (this.#sink !== undefined) this.#call.read(this.#sink);
  }

  #refuse(problem: string): void {
    this.#end(refusal(this.#target, problem));
  }

  #end(error: GatewayError): void {
    if (this.#askId === undefined) return;
    this.#close();
    this.#give({ kind: "failure", error });
  }

  /** The question is over: no answer counts any more. */
  #close(): void {
    this.#askId = undefined;
    this.#waiting = undefined;
    this.#cancelTimer();
  }

  #give(ending: Ending): void {
    if (this.#sink === undefined) this.#waiting = ending;
    else this.#sink(ending);
  }
}

/** Why an answer allows nothing; undefined if it does. */
export function whyNot(answer: Answer): string | undefined {
  if (answer.kind === "refusal") return `the client did not ask: ${answer.message}`;
  const { action } = answer.value;
  if (action === "accept") return undefined;
  return action === "decline" ? "the person declined" : "the question was dismissed";
}

function refusal({ item, server }: Target, problem: string): GatewayError {
  return new GatewayError(
    "consent_refused",
    `Cannot call "${item?.offered ?? server.config.name}": a person has to allow each call, and ` +
      problem,
  );
}
