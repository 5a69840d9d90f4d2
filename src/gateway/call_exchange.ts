/**
 * The one exchange of a call: it runs the list of steps on the way in, passes replies back through
 * them, and delivers each to the reader when it arrives. It waits only for steps that wait. A call
 * that is cancelled before its server is found ends at once; if the server's exchange is opened
 * later, it is cancelled.
 */
import { GatewayError, toGatewayError } from "../errors.ts";
import type { Answer, Ending, Exchange, Reply } from "../model.ts";
import type { CallContext, CallControl, Step, StepAnswer } from "./steps/steps.ts";

/** A call that has not ended, for what may end it from outside. */
export interface OpenCall {
  readonly context: CallContext;
  /** Ends it with this error, and cancels it at its server. */
  end(error: GatewayError): void;
}

/**
 * A call and how far it has come: the exchange that its reader gets and the control of its steps in
 * one object, which spares every call a second one.
 */
class Running implements Exchange, CallControl, OpenCall {
  readonly steps: readonly Step[];
  readonly context: CallContext;
  readonly repliesMax: number;
  readonly open: Set<OpenCall>;
  /** The last step that the call has entered. */
  at = -1;
  /** The exchange that a step answered with. */
  upstream: Exchange | undefined = undefined;
  sink: ((reply: Reply) => void) | undefined = undefined;
  /** Replies that came before the reader; most calls have none. */
  waiting: Reply[] | undefined = undefined;
  /** A step has taken the upstream's replies away. */
  isDetached = false;
  /** Its ending is known: nothing comes after it. */
  isEnding = false;

  constructor(
    steps: readonly Step[],
    context: CallContext,
    repliesMax: number,
    open: Set<OpenCall>,
  ) {
    this.steps = steps;
    this.context = context;
    this.repliesMax = repliesMax;
    this.open = open;
    open.add(this);
  }

  read(sink: Running["sink"]): void {
    this.sink = sink;
    while (this.waiting !== undefined && this.sink !== undefined) {
      const reply = this.waiting.shift();
      if (this.waiting.length === 0) this.waiting = undefined;
      if (reply !== undefined) this.sink(reply);
    }
  }

  answer(askId: string, answer: Answer): boolean {
    return this.upstream?.answer(askId, answer) ?? false;
  }

  cancel(reason: string): void {
    cancel(this, reason);
  }

  end(error: GatewayError): void {
    if (this.isEnding) return;
    // First, since the exchange at the server ends at once when it is cancelled.
    fail(this, error);
    this.context.isGivenUp = true;
    this.upstream?.cancel(error.message);
  }

  endEarly(step: string, ending: Ending): void {
    end(this, ending, this.steps.findIndex(({ name }) => name === step) - 1);
  }

  detach(): Exchange | undefined {
    const { upstream, isDetached } = this;
    if (isDetached) return undefined;
    this.isDetached = true;
    upstream?.read(undefined);
    return upstream;
  }

  isOver(): boolean {
    return this.isEnding;
  }
}

/**
 * Opens a call. `repliesMax` bounds the notices that wait while nothing reads the exchange. The call
 * is in `open` until it has ended.
 */
export function openCallExchange(
  steps: readonly Step[],
  context: CallContext,
  repliesMax: number,
  open: Set<OpenCall>,
): Exchange {
  const running = new Running(steps, context, repliesMax, open);
  enter(running, 0);
  return running;
}

/** Takes the call into the steps from `first` on, until one answers or waits. */
function enter(running: Running, first: number): void {
  const { steps, context } = running;
  for (let at = first; at < steps.length; at += 1) {
    running.at = at;
    try {
      const answer = steps[at]?.before?.(context);
      if (answer instanceof Promise) {
        answer.then(
          (given) => take(running, at, given),
          (thrown) => fail(running, thrown),
        );
        return;
      }
      if (answer !== undefined) return take(running, at, answer);
    } catch (thrown) {
      return fail(running, thrown);
    }
  }
  fail(running, new Error(`No step answered "${context.call.method}"`));
}

/** Continues with the answer of the step at `at`. */
function take(running: Running, at: number, answer: StepAnswer | undefined | void): void {
  const { context, isEnding } = running;
  if (isEnding) {
    // Too late: the client has left.
    if (isExchange(answer)) answer.cancel("The call was given up");
    context.use?.release();
    return;
  }
  if (!answer) return enter(running, at + 1);
  // A step makes its own ending: only the steps before it see that.
  if (!isExchange(answer)) return end(running, answer, at - 1);
  // It replaces the exchange that later steps would have opened: replies pass all steps.
  running.at = running.steps.length - 1;
  running.upstream = answer;
  answer.read((reply) => pass(running, reply));
}

function isExchange(answer: StepAnswer | undefined | void): answer is Exchange {
  return typeof answer === "object" && "read" in answer;
}

/** Hands a reply of the upstream back through the steps. */
function pass(running: Running, reply: Reply): void {
  if (running.isEnding) return;
  if (reply.kind !== "notice" && reply.kind !== "ask") return end(running, reply, running.at);
  const { steps, context } = running;
  let passed: typeof reply | undefined = reply;
  try {
    for (let at = running.at; at >= 0 && passed !== undefined; at -= 1) {
      const step = steps[at];
      if (step?.reply !== undefined) passed = step.reply(context, passed, running);
    }
  } catch (thrown) {
    fail(running, thrown);
    return running.upstream?.cancel("A reply could not be passed on");
  }
  if (passed !== undefined) give(running, passed);
}

/** Ends the call: the steps from `from` back to the first one see the ending, then the reader. */
function end(running: Running, ending: Ending, from: number): void {
  if (running.isEnding) return;
  running.isEnding = true;
  leave(running, ending, from);
}

function leave(running: Running, ending: Ending, from: number): void {
  const { steps, context } = running;
  let current = ending;
  for (let at = from; at >= 0; at -= 1) {
    const step = steps[at];
    if (step?.end === undefined) continue;
    try {
      const changed = step.end(context, current);
      if (changed instanceof Promise) {
        const passed = current;
        changed.catch(toFailure).then((next) => leave(running, next ?? passed, at - 1));
        return;
      }
      current = changed ?? current;
    } catch (thrown) {
      current = toFailure(thrown);
    }
  }
  running.open.delete(running);
  give(running, current);
}

function toFailure(thrown: unknown): Ending {
  return { kind: "failure", error: toGatewayError(thrown) };
}

function fail(running: Running, thrown: unknown): void {
  end(running, toFailure(thrown), running.at);
}

function cancel(running: Running, reason: string): void {
  const { context, upstream } = running;
  if (running.isEnding) return;
  context.isGivenUp = true;
  upstream?.cancel(reason);
  // An exchange ends by its own word; a call that has none yet, or no more, ends here.
  fail(running, new GatewayError("cancelled"));
}

/** Gives a reply to the reader, or keeps it until there is one. */
function give(running: Running, reply: Reply): void {
  const { sink, waiting, repliesMax } = running;
  if (waiting === undefined && sink !== undefined) return sink(reply);
  if (reply.kind === "notice" && (waiting?.length ?? 0) >= repliesMax) return;
  (running.waiting ??= []).push(reply);
}
