/**
 * One call on a connection, from its request to its ending: with a server that asks by requests it
 * is one request, with a server that asks by results as many rounds as its caller can be asked in.
 * Callers that are asked by result get the questions and come back; the others are asked meanwhile.
 * Nothing is sent twice that the server took once. Not here: who answers a round (call_rounds.ts),
 * tools that run as tasks (plain_task.ts). Follows "Multi Round-Trip Requests".
 */
import { GatewayError, toGatewayError, withOutcome } from "../../errors.ts";
import { isJsonObject } from "../../json.ts";
import type { Call, Ending, JsonObject, Notice, Resume } from "../../model.ts";
import { withSoundResult } from "../../protocol/sound_results.ts";
import { clientContextOf } from "../link/client_shown.ts";
import type { OpenRequest } from "../link/link.ts";
import { workingMethods } from "./attribution.ts";
import type { CallOptions } from "./call_options.ts";
import { answersTo, endingWithoutAnswers, toToolError } from "./call_rounds.ts";
import type { ServerLists } from "./lists.ts";
import { needsTask, taskIdIn, waitForTask } from "./plain_task.ts";
import { createProgressFilter, type ProgressFilter, progressMethod } from "./progress_filter.ts";

/** A call under way. */
export interface RunningCall {
  readonly options: CallOptions;
  readonly progress: ProgressFilter;
  /** Ends the wait for answers; made when there is one. */
  givenUp: AbortController | undefined;
  /** The request that the server works on, and what it brought back to the server. */
  request: OpenRequest | undefined;
  resume: Resume | undefined;
  rounds: number;
  isOver: boolean;
  /** Its tool was looked up again after the server refused its headers. */
  hasFreshTool: boolean;
  ranAsTask: boolean;
}

/** Makes a call. Its ending goes to `source` and to `ended`. */
export function openCall(options: CallOptions): OpenRequest {
  const running: RunningCall = {
    options,
    progress: createProgressFilter(),
    givenUp: undefined,
    request: undefined,
    resume: undefined,
    rounds: 0,
    isOver: false,
    hasFreshTool: false,
    ranAsTask: false,
  };
  sendKnowing(running, options.call.resume);
  return {
    cancel: (reason) => cancel(running, reason),
    touch: () => running.request?.touch(),
    hold: () => running.request?.hold(),
    resume: () => running.request?.resume(),
  };
}

/** What must be known of a tool before it is called: arguments in headers, or that it is a task. */
function sendKnowing(running: RunningCall, resume: Resume | undefined): void {
  const { call: { method, params }, link, lists, hasTasks } = running.options;
  const isWanted = link.mirrorsArguments === true || hasTasks;
  if (method !== "tools/call" || !isWanted) return send(running, resume, undefined);
  lists.get("tools").then(
    (tools) => send(running, resume, tools.find((tool) => tool["name"] === params["name"])),
    () => send(running, resume, undefined),
  );
}

function send(
  running: RunningCall,
  resume: Resume | undefined,
  tool: JsonObject | undefined,
): void {
  if (running.isOver) return;
  const { options, progress } = running;
  const { config, link, dialect, lists, call: { caller, method, params, wantsProgress } } = options;
  running.resume = resume;
  running.ranAsTask = tool !== undefined && needsTask(tool) && params["task"] === undefined;
  const isUnwanted = (notice: Notice) => !wantsProgress && notice.method === progressMethod;
  running.request = link.request({
    method,
    params: running.ranAsTask ? { ...params, task: {} } : params,
    clientContext: clientContextOf(dialect, config, caller),
    resume: dialect.asks === "result" ? resume : undefined,
    tool,
    isSafeTwice: method === "tools/call" ? () => isSafeTwice(lists, params["name"]) : undefined,
    // Also for clients that want none: a server's progress says that it still works.
    wantsProgress: wantsProgress || workingMethods.has(method),
    timeoutMs: config.callTimeoutMs,
    cancellable: true,
    notice: (notice) => isUnwanted(notice) || progress.passes(notice) && options.notice(notice),
    ask: options.ask,
    end: (ending) => receive(running, ending),
  });
}

/** Takes what the server ended the request with. Never throws: its other messages come next. */
function receive(running: RunningCall, ending: Ending): void {
  if (running.isOver) return;
  goOn(running, ending).catch((thrown: unknown) =>
    finish(running, { kind: "failure", error: toGatewayError(thrown) })
  );
}

/** Runs at once up to the first question, so that no message overtakes an ending. */
async function goOn(running: RunningCall, ending: Ending): Promise<void> {
  switch (ending.kind) {
    case "inputRequired":
      return await round(running, ending);
    case "failure":
      return finishFailed(running, ending.error);
    case "result": {
      const taskId = running.ranAsTask ? taskIdIn(ending.value) : undefined;
      if (taskId === undefined) return finish(running, ending);
      running.ranAsTask = false;
      running.request = waitForTask(running.options, taskId, (last) => finish(running, last));
    }
  }
}

/** Asks for what the server wants, and goes on with the answers. */
async function round(
  running: RunningCall,
  paused: Extract<Ending, { kind: "inputRequired" }>,
): Promise<void> {
  const { deps: { limits }, config } = running.options;
  const ending = endingWithoutAnswers(running.options, paused);
  if (ending !== undefined) return finish(running, ending);
  running.rounds += 1;
  running.progress.nextRound();
  if (running.rounds > limits.roundsMax) {
    throw new GatewayError(
      "bad_upstream_response",
      `Server "${config.name}" asked for input more than ${limits.roundsMax} times in one call`,
    );
  }
  running.givenUp ??= new AbortController();
  const next = await answersTo(running.options, paused, running.givenUp.signal);
  if (running.isOver) return;
  if ("kind" in next) return finish(running, next);
  sendKnowing(running, next);
}

function finishFailed(running: RunningCall, error: GatewayError): void {
  const { dialect: { codec }, lists, call: { caller, method } } = running.options;
  const isTool = method === "tools/call";
  const fail = (reason: GatewayError) => finish(running, { kind: "failure", error: reason });
  if (error.code === "header_mismatch") {
    if (!isTool || running.hasFreshTool) {
      return fail(withOutcome(new GatewayError("bad_upstream_response"), "refused"));
    }
    // The server refused before it did anything: its tool has changed since we saw it.
    running.hasFreshTool = true;
    lists.forget("tools");
    return sendKnowing(running, running.resume);
  }
  if (error.code === "capability_missing" && isDeclared(error, caller)) {
    const told = new GatewayError("ask_unanswerable", `${error.message}; it cannot be passed on`);
    return fail(withOutcome(told, "refused"));
  }
  if (caller.asksByResult === true) {
    const questions = codec.asks === "request" ? codec.questionsIn(error.upstream) : undefined;
    return questions === undefined
      ? fail(error)
      : finish(running, { kind: "inputRequired", questions });
  }
  if (error.code === "capability_missing" && isTool) {
    return finish(running, toToolError(error.message));
  }
  fail(error);
}

function finish(running: RunningCall, ending: Ending): void {
  if (running.isOver) return;
  const { call: { method, params }, source, ended } = running.options;
  running.isOver = true;
  ended(ending);
  source.end(
    ending.kind === "result"
      ? { ...ending, value: withSoundResult(method, ending.value, params) }
      : ending,
  );
}

function cancel(running: RunningCall, reason: string): void {
  if (running.isOver) return;
  running.isOver = true;
  running.givenUp?.abort();
  running.options.ended(undefined);
  running.request?.cancel(reason);
}

/** Whether the server says of a tool that calling it twice does no harm. */
async function isSafeTwice(lists: ServerLists, name: unknown): Promise<boolean> {
  const tools = await lists.get("tools").catch(() => []);
  const hints = tools.find((tool) => tool["name"] === name)?.["annotations"];
  return isJsonObject(hints) &&
    (hints["readOnlyHint"] === true || hints["idempotentHint"] === true);
}

/** Whether the client did declare what a server misses, so that nothing is gained by telling it to. */
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
