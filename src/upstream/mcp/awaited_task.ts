/**
 * A task of the Tasks extension that the gateway awaits for a client that knows no tasks: it asks
 * for the task's state until that is final, puts the server's questions to the client, and gives the
 * result as the answer to the call. Giving the call up cancels the task. A client that is asked by
 * result comes back with a state that names the task. Follows "Task Polling" and "Task Update
 * Requests" of SEP-2663. Not here: tasks of the handshake era (plain_task.ts).
 */
import { GatewayError, type UpstreamErrorBody, withOutcome } from "../../errors.ts";
import { withTasks } from "../../extensions.ts";
import type { Ending, InputRequired, JsonObject, Resume } from "../../model.ts";
import { clientContextOf } from "../link/client_shown.ts";
import type { OpenRequest } from "../link/link.ts";
import type { CallOfRounds } from "./call_round.ts";
import { answersTo, endingWithoutAnswers, toToolError } from "./call_rounds.ts";

/** What stands before the task's id in a state; each server gets back only states of its own calls. */
const statePrefix = "mcp-wrapper/task ";

/** The task that a returning client's state names; undefined for a state of the server's own. */
export function awaitedTaskIn(
  given: { readonly state?: string | undefined } | undefined,
): JsonObject | undefined {
  if (given?.state?.startsWith(statePrefix) !== true) return undefined;
  return { taskId: given.state.slice(statePrefix.length) };
}

/** One task, from its creation or its client's return to its end. */
export class AwaitedTask implements OpenRequest {
  readonly #owner: CallOfRounds;
  readonly #taskId: unknown;
  readonly #finish: (ending: Ending) => void;
  /** Keys of questions that were answered; the server may still repeat them for a while. */
  readonly #answered = new Set<string>();
  readonly #givenUp = new AbortController();
  #request: OpenRequest | undefined;
  #cancelTimer: () => void = () => {};
  #endsAt: number;
  #heldAt = 0;
  #failures = 0;
  #rounds = 0;
  #isOver = false;

  /** `finish` is called once, unless the task is given up before. */
  constructor(owner: CallOfRounds, { taskId }: JsonObject, finish: (ending: Ending) => void) {
    const { clock, limits } = owner.basis.deps;
    this.#owner = owner;
    this.#taskId = taskId;
    this.#finish = finish;
    this.#endsAt = clock.monotonic() + limits.callMsMax;
  }

  /** Begins with the answers that the client came back with, if any. */
  begin(pollMs: unknown, answers: Resume["answers"] = {}): void {
    if (Object.keys(answers).length === 0) return this.#wait(pollMs);
    this.#update(answers);
  }

  cancel(reason: string): void {
    if (this.#isOver) return;
    this.#stop();
    this.#request?.cancel(reason);
    this.#cancelTask();
  }

  touch(): void {}

  hold(): void {
    this.#heldAt = this.#clock.monotonic();
  }

  resume(): void {
    this.#endsAt += this.#clock.monotonic() - this.#heldAt;
  }

  get #clock() {
    return this.#owner.basis.deps.clock;
  }

  #send(method: string, more: JsonObject, end: (ending: Ending) => void): OpenRequest {
    const { config, dialect, link } = this.#owner.basis;
    return link.request({
      method,
      params: { taskId: this.#taskId, ...more },
      clientContext: clientContextOf(dialect, config, withTasks(this.#owner.call.caller)),
      wantsProgress: false,
      timeoutMs: config.callTimeoutMs,
      cancellable: true,
      notice: () => false,
      end,
    });
  }

  /** Looks at the task after the time that its server proposes, within bounds. */
  #wait(pollMs: unknown): void {
    const { config, deps: { limits } } = this.#owner.basis;
    if (this.#clock.monotonic() >= this.#endsAt) {
      const text = `Server "${config.name}" did not end the task of this call in time`;
      return this.#fail(new GatewayError("upstream_timeout", text), "cancel");
    }
    const { taskPollMs, taskPollMsMin, taskPollMsMax } = limits;
    const wanted = typeof pollMs === "number" ? pollMs : taskPollMs;
    const waitMs = Math.min(Math.max(wanted, taskPollMsMin), taskPollMsMax);
    this.#cancelTimer = this.#clock.after(waitMs, () => {
      this.#request = this.#send("tasks/get", {}, (ending) => this.#take(ending));
    });
  }

  #update(answers: Resume["answers"]): void {
    for (const key of Object.keys(answers)) this.#answered.add(key);
    this.#request = this.#send("tasks/update", { inputResponses: answers }, (ending) => {
      if (this.#isOver) return;
      if (ending.kind === "failure") return this.#takeFailure(ending.error);
      this.#wait(undefined);
    });
  }

  #take(ending: Ending): void {
    if (this.#isOver) return;
    if (ending.kind === "failure") return this.#takeFailure(ending.error);
    this.#failures = 0;
    const task = ending.kind === "result" ? ending.value : {};
    switch (task["status"]) {
      case "completed":
        return this.#end({ kind: "result", value: task["result"] as JsonObject });
      case "failed": {
        const { codec } = this.#owner.basis.dialect;
        const error = codec.decodeError(task["error"] as UpstreamErrorBody);
        // The task ran, whatever its error's code says of other calls.
        return this.#fail(withOutcome(error, "unknown"));
      }
      case "cancelled":
        return this.#end(toToolError(`The server cancelled the call${reasonIn(task)}`));
      default:
        return this.#ask(task["inputRequests"] as Asked | undefined, task["pollIntervalMs"]);
    }
  }

  /** A server that answers with an error has no such task any more; other failures may pass. */
  #takeFailure(error: GatewayError): void {
    const { config, deps: { limits } } = this.#owner.basis;
    this.#failures += 1;
    if (error.upstream !== undefined) {
      const text = `Server "${config.name}" lost the task of this call: ${error.message}`;
      return this.#fail(withOutcome(new GatewayError("bad_upstream_response", text), "unknown"));
    }
    if (this.#failures >= limits.taskPollFailuresMax) return this.#fail(error, "cancel");
    this.#wait(undefined);
  }

  /** Puts what the server asks now; without a question the task is looked at again. */
  #ask(asked: Asked = {}, pollMs: unknown): void {
    const questions = Object.entries(asked)
      .filter(([key]) => !this.#answered.has(key))
      .map(([key, { method, params }]) => ({ key, method, params }));
    if (questions.length === 0) return this.#wait(pollMs);
    const paused: InputRequired = { kind: "inputRequired", questions };
    const ending = endingWithoutAnswers(this.#owner, paused);
    if (ending?.kind === "inputRequired") {
      // The task waits at its server while the client fetches the answers.
      return this.#end({ ...ending, state: `${statePrefix}${this.#taskId}` });
    }
    if (ending !== undefined) return this.#end(ending, "cancel");
    const { config, deps: { limits } } = this.#owner.basis;
    this.#rounds += 1;
    if (this.#rounds > limits.roundsMax) {
      const text = `Server "${config.name}" asked for input more than ${limits.roundsMax} times ` +
        "in one call";
      return this.#fail(new GatewayError("bad_upstream_response", text), "cancel");
    }
    answersTo(this.#owner, paused, this.#givenUp.signal).then((next) => {
      if (this.#isOver) return;
      if ("kind" in next) this.#end(next, "cancel");
      else this.#update(next.answers);
    });
  }

  #fail(error: GatewayError, task?: "cancel"): void {
    this.#end({ kind: "failure", error }, task);
  }

  #end(ending: Ending, task?: "cancel"): void {
    this.#stop();
    if (task === "cancel") this.#cancelTask();
    this.#finish(ending);
  }

  #stop(): void {
    this.#isOver = true;
    this.#givenUp.abort();
    this.#cancelTimer();
  }

  #cancelTask(): void {
    this.#send("tasks/cancel", {}, () => {});
  }
}

/** The questions of a task by key, which the codec has checked. */
type Asked = Readonly<Record<string, { readonly method: string; readonly params: JsonObject }>>;

function reasonIn({ statusMessage }: JsonObject): string {
  return typeof statusMessage === "string" ? `: ${statusMessage}` : "";
}
