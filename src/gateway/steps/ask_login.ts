/**
 * Calls that need a log-in first. A server that wants a grant refuses a call before it takes effect;
 * a client that can show pages is then asked to open the log-in page (an elicitation of mode `url`),
 * and the call is made again when the log-in is done. Any other client gets an error with the link.
 * The link is added outside of the step `audit`, so that no log line contains it. The question goes
 * the way of a server's own: see consent.ts.
 */
import { missingCapability } from "../../client_capabilities.ts";
import type { Clock } from "../../clock.ts";
import { GatewayError, toGatewayError } from "../../errors.ts";
import { type AwaitedLogin, type Logins, withLoginAdvice } from "../../grants/logins.ts";
import type { Limits } from "../../limits.ts";
import type { Answer, Ask, Ending, Exchange, Reply } from "../../model.ts";
import { type Reopening, whyNot } from "./consent.ts";
import type { CallContext, MakeStep, Target } from "./steps.ts";

/** What leading a client to a log-in needs. */
interface LoginDeps {
  readonly clock: Clock;
  readonly limits: Limits;
  readonly logins: Logins;
}

/** Makes the step: an error about a missing grant says what to do. */
export const makeLoginStep: MakeStep = ({ logins }) => ({
  name: "login",
  end({ principal, target }, ending) {
    if (!isLoginFailure(ending)) return;
    const { error } = ending;
    const server = target?.server.config.name ?? error.data?.["server"];
    if (typeof server !== "string") return;
    return logins.urlOf(server, principal).then((url) => ({
      ...ending,
      error: withLoginAdvice(error, server, url),
    }));
  },
});

type OpenCall = (context: CallContext) => Exchange;
type Failure = Extract<Ending, { readonly kind: "failure" }>;

function isLoginFailure(reply: Reply): reply is Failure {
  return reply.kind === "failure" && reply.error.code === "login_required";
}

/** Opens a call, whose client is led to the log-in if the server wants one. */
export function openWithLogin(
  context: CallContext,
  target: Target,
  open: OpenCall,
  deps: LoginDeps,
): Exchange {
  const missing = missingCapability(pageQuestion, context.call.caller.capabilities);
  return missing === undefined ? new LoginExchange(context, target, open, deps) : open(context);
}

const pageQuestion = { method: "elicitation/create", params: { mode: "url" } };

/** A question that is open, and the log-in that it is about. */
interface OpenQuestion {
  readonly id: string;
  readonly login: AwaitedLogin;
  /** The failure that the call ends with if the log-in does not come. */
  readonly failure: Failure;
  readonly cancelTimer: () => void;
}

/** One call, however often its server wants a log-in. */
class LoginExchange implements Reopening {
  #context: CallContext;
  readonly #target: Target;
  readonly #open: OpenCall;
  readonly #deps: LoginDeps;
  #sink: ((reply: Reply) => void) | undefined;
  readonly #waiting: Reply[] = [];
  /** The call at its server; undefined while its client is asked or logs in. */
  #call: Exchange | undefined;
  #question: OpenQuestion | undefined;
  #questions = 0;

  constructor(context: CallContext, target: Target, open: OpenCall, deps: LoginDeps) {
    this.#context = context;
    this.#target = target;
    this.#open = open;
    this.#deps = deps;
    this.#call = open(context);
  }

  read(sink: ((reply: Reply) => void) | undefined): void {
    this.#sink = sink;
    while (this.#sink !== undefined && this.#waiting.length > 0) {
      const reply = this.#waiting.shift();
      if (reply !== undefined) this.#sink(reply);
    }
    this.#readCall();
  }

  answer(askId: string, answer: Answer): boolean {
    const question = this.#question;
    if (question === undefined) return this.#call?.answer(askId, answer) ?? false;
    if (askId !== question.id) return false;
    const problem = whyNot(answer);
    if (problem !== undefined) this.#fail(problem);
    else void question.login.done.then(() => this.#goOn(question));
    return true;
  }

  cancel(reason: string): void {
    if (this.#question === undefined) return this.#call?.cancel(reason);
    this.#close();
    this.#give({ kind: "failure", error: new GatewayError("cancelled") });
  }

  rest(giveWay: (() => void) | undefined): void {
    this.#call?.rest?.(giveWay);
  }

  /** Another request of the client goes on with the call. */
  takeOver(context: CallContext): void {
    this.#context = context;
  }

  #readCall(): void {
    const call = this.#call;
    call?.read(this.#sink && ((reply) => this.#take(reply)));
  }

  #take(reply: Reply): void {
    const { limits } = this.#deps;
    if (isLoginFailure(reply) && this.#questions < limits.loginQuestionsMax) this.#ask(reply);
    else this.#give(reply);
  }

  /** Puts the question, where there is a page. */
  #ask(failure: Failure): void {
    const { logins, clock, limits } = this.#deps;
    const { server: { config: { name } } } = this.#target;
    const { principal } = this.#context;
    this.#call = undefined;
    this.#questions += 1;
    const question: OpenQuestion = {
      id: crypto.randomUUID(),
      login: logins.await(name, principal),
      failure,
      cancelTimer: clock.after(limits.askMs, () => this.#fail("the log-in did not come in time")),
    };
    this.#question = question;
    logins.urlOf(name, principal).then(
      (url) => this.#put(question, url),
      (thrown) => this.#end(question, { kind: "failure", error: toGatewayError(thrown) }),
    );
  }

  #put(question: OpenQuestion, url: string | undefined): void {
    const { id, failure } = question;
    if (url === undefined) return this.#end(question, failure);
    if (this.#question !== question) return;
    const ask: Ask = {
      kind: "ask",
      id,
      method: "elicitation/create",
      params: {
        mode: "url",
        message: `${failure.error.message}. Open this page to log in; then the call goes on.`,
        url,
        elicitationId: id,
      },
    };
    this.#give(ask);
  }

  /** The call ends without the question. */
  #end(question: OpenQuestion, failure: Failure): void {
    if (this.#question !== question) return;
    this.#close();
    this.#give(failure);
  }

  /** The log-in is done: the server gets the call. */
  #goOn(question: OpenQuestion): void {
    if (this.#question !== question) return;
    this.#close();
    const { asksByResult } = this.#context.call.caller;
    const elicitationId = question.id;
    if (asksByResult !== true) {
      const method = "notifications/elicitation/complete";
      this.#give({ kind: "notice", method, params: { elicitationId } });
    }
    try {
      this.#call = this.#open(this.#context);
    } catch (thrown) {
      return this.#give({ kind: "failure", error: toGatewayError(thrown) });
    }
    this.#readCall();
  }

  #fail(problem: string): void {
    const { failure } = this.#question ?? {};
    if (failure === undefined) return;
    this.#close();
    const { code, message, data = {} } = failure.error;
    const error = new GatewayError(code, `${message}, and ${problem}`, { data });
    this.#give({ kind: "failure", error });
  }

  /** The question is over: neither an answer nor a log-in counts any more. */
  #close(): void {
    this.#question?.cancelTimer();
    this.#question?.login.stop();
    this.#question = undefined;
  }

  #give(reply: Reply): void {
    if (this.#sink === undefined) this.#waiting.push(reply);
    else this.#sink(reply);
  }
}
