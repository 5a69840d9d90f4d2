/**
 * The one exchange of a call: it runs the list of steps on the way in, passes replies back through
 * them, and delivers each to the reader when it arrives. It waits only for steps that wait. A call
 * that is cancelled before its server is found ends at once; if the server's exchange is opened
 * later, it is cancelled.
 */
import { GatewayError, toGatewayError } from "../errors.ts";
import type { Answer, Ending, Exchange, Reply } from "../model.ts";
import type { CallContext, CallControl, Step, StepAnswer } from "./steps/steps.ts";

/** A call and how far it has come. */
interface Running {
  readonly steps: readonly Step[];
  readonly context: CallContext;
  readonly repliesMax: number;
  readonly control: CallControl;
  /** The last step that the call has entered. */
  at: number;
  /** The exchange that a step answered with. */
  upstream: Exchange | undefined;
  sink: ((reply: Reply) => void) | undefined;
  /** Replies that came before the reader. */
  readonly waiting: Reply[];
  /** A step has taken the upstream's replies away. */
  isDetached: boolean;
  /** Its ending is known: nothing comes after it. */
  isEnding: boolean;
}

/** Opens a call. `repliesMax` bounds the notices that wait while nothing reads the exchange. */
export function openCallExchange(
  steps: readonly Step[],
  context: CallContext,
  repliesMax: number,
): Exchange {
  const running: Running = {
    steps,
    context,
    repliesMax,
    control: {
      endEarly: (step, ending) => endEarly(running, step, ending),
      answer: (askId, answer) => void running.upstream?.answer(askId, answer),
      detach: () => detach(running),
      isOver: () => running.isEnding,
    },
    at: -1,
    upstream: undefined,
    sink: undefined,
    waiting: [],
    isDetached: false,
    isEnding: false,
  };
  enter(running, 0);
  return {
    read: (sink) => read(running, sink),
    answer: (askId: string, answer: Answer) => running.upstream?.answer(askId, answer) ?? false,
    cancel: (reason) => cancel(running, reason),
  };
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
    context.release?.();
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
  const { steps, context, control } = running;
  let passed: typeof reply | undefined = reply;
  try {
    for (let at = running.at; at >= 0 && passed !== undefined; at -= 1) {
      const step = steps[at];
      if (step?.reply !== undefined) passed = step.reply(context, passed, control);
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
  give(running, current);
}

function toFailure(thrown: unknown): Ending {
  return { kind: "failure", error: toGatewayError(thrown) };
}

function fail(running: Running, thrown: unknown): void {
  end(running, toFailure(thrown), running.at);
}

function endEarly(running: Running, step: string, ending: Ending): void {
  end(running, ending, running.steps.findIndex(({ name }) => name === step) - 1);
}

function detach(running: Running): Exchange | undefined {
  const { upstream, isDetached } = running;
  if (isDetached) return undefined;
  running.isDetached = true;
  upstream?.read(undefined);
  return upstream;
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
  if (sink !== undefined && waiting.length === 0) return sink(reply);
  if (reply.kind === "notice" && waiting.length >= repliesMax) return;
  waiting.push(reply);
}

function read(running: Running, sink: Running["sink"]): void {
  running.sink = sink;
  for (;;) {
    if (running.sink === undefined) return;
    const reply = running.waiting.shift();
    if (reply === undefined) return;
    running.sink(reply);
  }
}
