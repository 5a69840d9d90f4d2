/**
 * One call on a connection, from its request to its ending: with a server that asks by requests it is one
 * request, with a server that answers by questions as many rounds as its caller can be asked in.
 * Callers that are asked by result get the questions and come back; the others are asked meanwhile.
 * Nothing is made twice that the server took once. Follows "Multi Round-Trip Requests".
 */
import { sleep } from "../../clock.ts";
import type { McpServerConfig } from "../../config/config.ts";
import { GatewayError, toGatewayError, withOutcome } from "../../errors.ts";
import { isJsonObject } from "../../json.ts";
import type {
  Answer,
  Call,
  Ending,
  InputRequired,
  JsonObject,
  Notice,
  Resume,
} from "../../model.ts";
import { withSoundResult } from "../../protocol/sound_results.ts";
import type { UpstreamDeps } from "../deps.ts";
import type { ExchangeSource } from "../exchange_source.ts";
import type { ServerLists } from "./lists.ts";
import type { Link, LinkRequest, OpenRequest } from "../link/link.ts";
import { clientContextOf } from "../link/client_shown.ts";
import type { Dialect } from "../link/dialect.ts";
import { workingMethods } from "./attribution.ts";

/** What a call is made with. */
export interface CallOptions {
  readonly config: McpServerConfig;
  readonly deps: Pick<UpstreamDeps, "clock" | "limits">;
  readonly link: Link;
  readonly dialect: Dialect;
  readonly lists: ServerLists;
  /** Whether the server runs tools as tasks. */
  readonly hasTasks: boolean;
  readonly call: Call;
  readonly source: ExchangeSource;
  readonly notice: (notice: Notice) => boolean;
  readonly ask: NonNullable<LinkRequest["ask"]>;
  /** Called once, with the ending that the reader gets, or undefined when the call was given up. */
  readonly ended: (ending: Ending | undefined) => void;
}

/** Makes a call. Its ending goes to `source` and to `ended`. */
export function openCall(options: CallOptions): OpenRequest {
  const { config, deps, link, dialect, dialect: { codec }, lists, call, source } = options;
  const { clock, limits } = deps;
  const { caller, method } = call;
  const isDeferred = caller.asksByResult === true;
  const isTool = method === "tools/call";
  const progress = createProgressFilter();
  const isUnwanted = (notice: Notice) => !call.wantsProgress && notice.method === progressMethod;
  const givenUp = new AbortController();
  let request: OpenRequest | undefined;
  let rounds = 0;
  let isOver = false;
  let hasFreshTool = false;
  let ranAsTask = false;

  const finish = (ending: Ending): void => {
    if (isOver) return;
    isOver = true;
    options.ended(ending);
    source.end(
      ending.kind === "result"
        ? { ...ending, value: withSoundResult(method, ending.value, call.params) }
        : ending,
    );
  };
  const fail = (error: GatewayError) => finish({ kind: "failure", error });

  const send = (resume: Resume | undefined, tool: JsonObject | undefined): void => {
    if (isOver) return;
    ranAsTask = tool !== undefined && needsTask(tool) && call.params["task"] === undefined;
    request = link.request({
      method,
      params: ranAsTask ? { ...call.params, task: {} } : call.params,
      clientContext: clientContextOf(dialect, config, caller),
      resume: dialect.asks === "result" ? resume : undefined,
      tool,
      isSafeTwice: isTool ? () => isSafeTwice(lists, call.params["name"]) : undefined,
      // Also for clients that want none: a server's progress says that it still works.
      wantsProgress: call.wantsProgress || workingMethods.has(method),
      timeoutMs: config.callTimeoutMs,
      cancellable: true,
      notice: (notice) => isUnwanted(notice) || progress.passes(notice) && options.notice(notice),
      ask: options.ask,
      end: (ending) => void receive(ending, resume).catch((thrown) => fail(toGatewayError(thrown))),
    });
  };
  /** What must be known of a tool before it is called: arguments in headers, or that it is a task. */
  const sendKnowing = (resume: Resume | undefined): void => {
    const isWanted = link.mirrorsArguments === true || options.hasTasks;
    if (!isTool || !isWanted) return send(resume, undefined);
    const name = call.params["name"];
    lists.get("tools").then(
      (tools) => send(resume, tools.find((tool) => tool["name"] === name)),
      () => send(resume, undefined),
    );
  };

  const receive = async (ending: Ending, resume: Resume | undefined): Promise<void> => {
    if (isOver) return;
    if (ending.kind === "inputRequired") return await round(ending);
    if (ending.kind === "result") {
      const taskId = ranAsTask ? taskIdIn(ending.value) : undefined;
      return taskId === undefined ? finish(ending) : await outlast(taskId);
    }
    const { error } = ending;
    if (error.code === "header_mismatch") {
      if (!isTool || hasFreshTool) {
        return fail(withOutcome(new GatewayError("bad_upstream_response"), "refused"));
      }
      // The server refused before it did anything: its tool has changed since we saw it.
      hasFreshTool = true;
      lists.forget("tools");
      return sendKnowing(resume);
    }
    if (error.code === "capability_missing" && isDeclared(error, caller)) {
      const told = new GatewayError("ask_unanswerable", `${error.message}; it cannot be passed on`);
      return fail(withOutcome(told, "refused"));
    }
    if (isDeferred) {
      const questions = codec.asks === "request" ? codec.questionsIn(error.upstream) : undefined;
      return finish(questions === undefined ? ending : { kind: "inputRequired", questions });
    }
    if (error.code === "capability_missing" && isTool) return finish(toToolError(error.message));
    finish(ending);
  };

  /** A tool that runs as a task only: its client called it plainly, so we wait for it. */
  const outlast = (taskId: string): void => {
    const params = { taskId };
    ranAsTask = false;
    const give = (ending: Ending): void => {
      if (ending.kind !== "result") return finish(ending);
      const { _meta, ...value } = ending.value;
      const { [relatedTask]: _, ...meta } = (_meta ?? {}) as JsonObject;
      finish({
        ...ending,
        value: Object.keys(meta).length === 0 ? value : { ...value, _meta: meta },
      });
    };
    if (isOver) return;
    const waiting = link.request({
      method: "tasks/result",
      params,
      wantsProgress: false,
      timeoutMs: limits.callMsMax,
      cancellable: true,
      notice: options.notice,
      ask: options.ask,
      end: give,
    });
    request = {
      ...waiting,
      cancel(reason) {
        waiting.cancel(reason);
        void link.request({
          method: "tasks/cancel",
          params,
          wantsProgress: false,
          timeoutMs: config.callTimeoutMs,
          cancellable: true,
          notice: () => false,
          end: () => {},
        });
      },
    };
  };

  /** The server wants answers before it goes on. */
  const round = async (paused: InputRequired): Promise<void> => {
    const { questions, state } = paused;
    if (config.roots === "none" && questions.some(({ method }) => method === "roots/list")) {
      return finish(unanswerable(noRoots));
    }
    const own = ownAnswers(config, paused);
    const isOwn = questions.length > 0 && Object.keys(own).length === questions.length;
    if (isDeferred && !isOwn) {
      return finish(Object.keys(own).length === 0 ? paused : unanswerable(mixedRoots));
    }
    rounds += 1;
    progress.nextRound();
    if (rounds > limits.roundsMax) {
      return fail(
        new GatewayError(
          "bad_upstream_response",
          `Server "${config.name}" asked for input more than ${limits.roundsMax} times in one call`,
        ),
      );
    }
    if (questions.length === 0) await sleep(clock, limits.roundBackoffMs, givenUp.signal);
    const asked = questions.filter(({ key }) => !Object.hasOwn(own, key));
    const answers = await Promise.all(
      asked.map(({ method, params }) => source.ask(method, params, givenUp.signal)),
    );
    if (isOver) return;
    const given = Object.entries(own);
    for (const [at, answer] of answers.entries()) {
      if (answer.kind === "refusal") return finish(refused(answer));
      const key = asked[at]?.key;
      if (key !== undefined) given.push([key, answer.value]);
    }
    sendKnowing({ answers: Object.fromEntries(given), state });
  };

  const unanswerable = (message: string): Ending =>
    isTool
      ? toToolError(message)
      : { kind: "failure", error: new GatewayError("ask_unanswerable", message) };
  const refused = ({ message }: Extract<Answer, { kind: "refusal" }>): Ending =>
    unanswerable(`The server asked for input that was not given: ${message}`);

  sendKnowing(call.resume);
  return {
    cancel(reason) {
      if (isOver) return;
      isOver = true;
      givenUp.abort();
      options.ended(undefined);
      request?.cancel(reason);
    },
    touch: () => request?.touch(),
    hold: () => request?.hold(),
    resume: () => request?.resume(),
  };
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

const relatedTask = "io.modelcontextprotocol/related-task";

function needsTask({ execution }: JsonObject): boolean {
  return (execution as JsonObject | undefined)?.["taskSupport"] === "required";
}

function taskIdIn({ task }: JsonObject): string | undefined {
  const id = (task as JsonObject | undefined)?.["taskId"];
  return typeof id === "string" ? id : undefined;
}

const noRoots = "The server asked for directories, which the operator does not give";
const mixedRoots = "The server asked for directories, which the operator decides on, together " +
  "with other input, which cannot be asked for at once";

/** What the operator has answered for everybody: the directories. */
function ownAnswers(
  { roots }: McpServerConfig,
  { questions }: InputRequired,
): Record<string, JsonObject> {
  if (typeof roots === "string") return {};
  const asked = questions.filter(({ method }) => method === "roots/list");
  return Object.fromEntries(asked.map(({ key }) => [key, { roots }]));
}

const progressMethod = "notifications/progress";

/** Progress increases from round to round, even if the server restarts its count. */
function createProgressFilter() {
  let rounds = 0;
  let last = -Infinity;
  return {
    nextRound: () => void (rounds += 1),
    passes({ method, params }: Notice): boolean {
      if (method !== progressMethod) return true;
      const value = Number(params["progress"]);
      if (rounds > 0 && value <= last) return false;
      last = Math.max(last, value);
      return true;
    },
  };
}

function toToolError(text: string): Ending {
  return { kind: "result", value: { content: [{ type: "text", text }], isError: true } };
}
