/**
 * One call on a connection, from its first request to its ending. With a server that asks by
 * requests, a call is one request. With a server that asks by results, each result with questions
 * ends a round, and the answers begin the next one. A caller that is asked by result gets the
 * questions and calls again; any other caller is asked while the call runs. A request that the
 * server took is never sent again. Not here: one request (call_round.ts), who answers a round
 * (call_rounds.ts), tools that run as tasks (plain_task.ts, awaited_task.ts). Follows "Multi Round-Trip Requests".
 */
import { GatewayError, toGatewayError, withOutcome } from "../../errors.ts";
import { extensionsIn, knowsTasks, tasksExtension } from "../../extensions.ts";
import { isJsonObject } from "../../json.ts";
import type { Answer, Call, Ending, JsonObject, Notice, Resume } from "../../model.ts";
import type { WireMessage } from "../../protocol/codec.ts";
import { withSoundResult } from "../../protocol/sound_results.ts";
import type { ExchangeSource } from "../exchange_source.ts";
import type { NoticeFate, OpenRequest } from "../link/link.ts";
import type { AttributedCall } from "./attribution.ts";
import type { CallBasis } from "./call_options.ts";
import { type CallOfRounds, CallRound } from "./call_round.ts";
import { answersTo, endingWithoutAnswers, toToolError } from "./call_rounds.ts";
import { AwaitedTask, awaitedTaskIn } from "./awaited_task.ts";
import { needsTask, taskIdIn, waitForTask } from "./plain_task.ts";
import { withoutOwnQuestions } from "./polled_task.ts";
import { ProgressFilter, progressMethod } from "./progress_filter.ts";

/** A running call, and the handle for the code that made it. */
export class UpstreamCall implements OpenRequest, AttributedCall, CallOfRounds {
  readonly basis: CallBasis;
  readonly call: Call;
  readonly source: ExchangeSource;
  /** Called once when the call is over, with whether it succeeded. */
  private readonly ended: (succeeded: boolean) => void;
  /** The request that the server works on, and the answers that it carries. */
  private request: OpenRequest | undefined = undefined;
  private broughtBack: Resume | undefined = undefined;
  /** Made at the first progress. */
  private progress: ProgressFilter | undefined = undefined;
  /** Ends the wait for answers; made at the first wait. */
  private givenUp: AbortController | undefined = undefined;
  private rounds = 0;
  private isOver = false;
  /** Whether the tool was looked up again because the server refused the headers. */
  private hasFreshTool = false;
  private ranAsTask = false;
  /** Whether the gateway declares the Tasks extension in the client's place. */
  private declaresTasks = false;

  constructor(
    basis: CallBasis,
    call: Call,
    source: ExchangeSource,
    ended: (succeeded: boolean) => void,
  ) {
    this.basis = basis;
    this.call = call;
    this.source = source;
    this.ended = ended;
  }

  /** Sends the first request. */
  begin(): void {
    const { resume } = this.call;
    const task = awaitedTaskIn(resume);
    if (task === undefined) this.sendKnowing(resume);
    else this.awaitTask(task, resume?.answers);
  }

  cancel(reason: string): void {
    // If the call ended at once, a question that comes now could not be told from another call's.
    this.basis.calls.whenTold(this, () => this.giveUp(reason));
  }

  giveUp(reason: string): void {
    if (this.isOver) return;
    this.isOver = true;
    this.givenUp?.abort();
    this.leave(undefined);
    this.request?.cancel(reason);
  }

  touch(): void {
    this.request?.touch();
  }

  hold(): void {
    this.request?.hold();
  }

  resume(): void {
    this.request?.resume();
  }

  notice(notice: Notice): NoticeFate {
    const { basis: { route, calls }, call, source } = this;
    if (notice.method === progressMethod) {
      if (!call.wantsProgress) return true;
      this.progress ??= new ProgressFilter(this.rounds);
      if (!this.progress.passes(notice)) return false;
    }
    return route.noticeTo(source, notice) && calls.taken(call);
  }

  ask(question: WireMessage, signal: AbortSignal): Promise<Answer> {
    return this.basis.route.askTo(this, question, signal);
  }

  /** Takes the ending of a request. Never throws, because the server's other messages follow. */
  end(ending: Ending): void {
    if (this.isOver) return;
    try {
      // Results and failures without a promise, so that no message overtakes an ending.
      if (ending.kind === "result") this.takeResult(ending);
      else if (ending.kind === "failure") this.takeFailure(ending.error);
      else this.round(ending).catch((thrown: unknown) => this.fail(toGatewayError(thrown)));
    } catch (thrown) {
      this.fail(toGatewayError(thrown));
    }
  }

  /**
   * Sends a request, after looking up its tool if the server wants arguments repeated in headers or
   * may run the tool as a task.
   */
  private sendKnowing(resume: Resume | undefined): void {
    const { basis: { link, lists, hasTasks }, call: { caller, method, params } } = this;
    const isWanted = link.mirrorsArguments === true || hasTasks;
    if (method !== "tools/call" || !isWanted) return this.send(resume, undefined);
    lists.of(caller).get("tools").then(
      (tools) => this.send(resume, tools.find((tool) => tool["name"] === params["name"])),
      () => this.send(resume, undefined),
    );
  }

  private send(resume: Resume | undefined, tool: JsonObject | undefined): void {
    if (this.isOver) return;
    this.broughtBack = resume;
    this.ranAsTask = tool !== undefined && needsTask(tool) &&
      this.call.params["task"] === undefined;
    const { ranAsTask: isTask, declaresTasks } = this;
    const round = new CallRound(this, { resume, tool, isTask, declaresTasks });
    this.request = this.basis.link.request(round);
  }

  private takeResult(ending: Extract<Ending, { kind: "result" }>): void {
    if (ending.isTask === true && !knowsTasks(this.call.caller)) {
      return this.awaitTask(ending.value);
    }
    const taskId = this.ranAsTask ? taskIdIn(ending.value) : undefined;
    if (taskId === undefined) return this.finish(withoutOwnQuestions(this, ending));
    this.ranAsTask = false;
    this.request = waitForTask(this, taskId, (last) => this.finish(last));
  }

  /** Awaits a task of the Tasks extension for a client that knows none. */
  private awaitTask(task: JsonObject, answers?: Resume["answers"]): void {
    const awaited = new AwaitedTask(this, task, (last) => this.finish(last));
    this.request = awaited;
    awaited.begin(task["pollIntervalMs"], answers);
  }

  /** Gets the answers to the questions of a round and begins the next round with them. */
  private async round(paused: Extract<Ending, { kind: "inputRequired" }>): Promise<void> {
    const { deps: { limits }, config } = this.basis;
    const ending = endingWithoutAnswers(this, paused);
    if (ending !== undefined) return this.finish(ending);
    this.rounds += 1;
    this.progress?.nextRound();
    if (this.rounds > limits.roundsMax) {
      throw new GatewayError(
        "bad_upstream_response",
        `Server "${config.name}" asked for input more than ${limits.roundsMax} times in one call`,
      );
    }
    this.givenUp ??= new AbortController();
    const next = await answersTo(this, paused, this.givenUp.signal);
    if (this.isOver) return;
    if ("kind" in next) return this.finish(next);
    this.sendKnowing(next);
  }

  private takeFailure(error: GatewayError): void {
    const { basis: { dialect: { codec }, lists }, call: { caller, method } } = this;
    const isTool = method === "tools/call";
    if (error.code === "header_mismatch") {
      if (!isTool || this.hasFreshTool) {
        return this.fail(withOutcome(new GatewayError("bad_upstream_response"), "refused"));
      }
      // The tool has changed since it was listed. The refused call had no effect, so it may repeat.
      this.hasFreshTool = true;
      lists.of(caller).forget("tools");
      return this.sendKnowing(this.broughtBack);
    }
    if (needsTasks(error) && this.mayAwaitTasks()) {
      // The server has refused the call, so it may repeat.
      this.declaresTasks = true;
      return this.sendKnowing(this.broughtBack);
    }
    if (error.code === "capability_missing" && isDeclared(error, caller)) {
      const told = new GatewayError("ask_unanswerable", `${error.message}; it cannot be passed on`);
      return this.fail(withOutcome(told, "refused"));
    }
    if (caller.asksByResult === true) {
      const questions = codec.asks === "request" ? codec.questionsIn(error.upstream) : undefined;
      return questions === undefined
        ? this.fail(error)
        : this.finish({ kind: "inputRequired", questions });
    }
    if (error.code === "capability_missing" && isTool) {
      return this.finish(toToolError(error.message));
    }
    this.fail(error);
  }

  private mayAwaitTasks(): boolean {
    const { call: { caller, target }, declaresTasks } = this;
    return !declaresTasks && !knowsTasks(caller) && target?.relaysTaskRefusal !== true;
  }

  private fail(error: GatewayError): void {
    this.finish({ kind: "failure", error });
  }

  private finish(ending: Ending): void {
    if (this.isOver) return;
    this.isOver = true;
    this.leave(ending);
    if (ending.kind !== "result") return this.source.end(ending);
    const value = withSoundResult(this.call.method, ending.value, this.call.params);
    this.source.end(value === ending.value ? ending : { ...ending, value });
  }

  /** Removes the call from the connection's open calls. */
  private leave(ending: Ending | undefined): void {
    this.basis.ended(this, ending);
    this.ended(ending?.kind === "result");
  }
}

/** Whether a server says that it can run a call only as a task of the Tasks extension. */
function needsTasks({ code, data }: GatewayError): boolean {
  if (code !== "capability_missing") return false;
  const required = (data?.["requiredCapabilities"] ?? {}) as JsonObject;
  return extensionsIn(required)[tasksExtension] !== undefined;
}

/** Whether the client declared the capabilities that the server says are missing. */
function isDeclared({ data }: GatewayError, { capabilities }: Call["caller"]): boolean {
  const required = (data?.["requiredCapabilities"] ?? {}) as JsonObject;
  return Object.keys(required).length > 0 && covers(capabilities, required);
}

function covers(declared: unknown, required: JsonObject): boolean {
  if (!isJsonObject(declared)) return false;
  return Object.entries(required).every(([name, inner]) =>
    covers(declared[name], isJsonObject(inner) ? inner : {})
  );
}
