/**
 * One request of a call, in the form that the link takes. Replies go to the call
 * (upstream_call.ts), which may send another request with the answers to the server's questions.
 */
import { withTasks } from "../../extensions.ts";
import { isJsonObject } from "../../json.ts";
import type { Answer, Ending, JsonObject, Notice, Resume } from "../../model.ts";
import type { ClientContext, WireMessage } from "../../protocol/codec.ts";
import { clientContextOf } from "../link/client_shown.ts";
import type { LinkRequest, NoticeFate } from "../link/link.ts";
import { workingMethods } from "./attribution.ts";
import type { CallOptions } from "./call_options.ts";

/** The call that a round belongs to; it takes the replies. */
export interface CallOfRounds extends CallOptions {
  notice(notice: Notice): NoticeFate;
  ask(question: WireMessage, signal: AbortSignal): Promise<Answer>;
  end(ending: Ending): void;
}

/** How a round goes to the server. */
interface RoundOptions {
  /** The answers for the server. */
  readonly resume: Resume | undefined;
  readonly tool: JsonObject | undefined;
  /** Whether the server runs the call as a task of the handshake era. */
  readonly isTask: boolean;
  /** Whether the gateway declares the Tasks extension, which the client did not. */
  readonly declaresTasks: boolean;
}

/** One request of a call. */
export class CallRound implements LinkRequest {
  readonly method: string;
  readonly params: JsonObject;
  readonly clientContext: ClientContext | undefined;
  readonly resume: Resume | undefined;
  readonly tool: JsonObject | undefined;
  readonly wantsProgress: boolean;
  readonly timeoutMs: number;
  readonly cancellable = true;
  private readonly owner: CallOfRounds;

  constructor(owner: CallOfRounds, { resume, tool, isTask, declaresTasks }: RoundOptions) {
    const { basis: { config, dialect }, call: { caller, method, params, wantsProgress } } = owner;
    this.owner = owner;
    this.method = method;
    this.params = isTask ? { ...params, task: {} } : params;
    const shown = declaresTasks ? withTasks(caller) : caller;
    this.clientContext = clientContextOf(dialect, config, shown);
    this.resume = dialect.asks === "result" ? resume : undefined;
    this.tool = tool;
    // Also when the client wants none: progress shows that the server still works.
    this.wantsProgress = wantsProgress || workingMethods.has(method);
    this.timeoutMs = config.callTimeoutMs;
  }

  notice(notice: Notice): NoticeFate {
    return this.owner.notice(notice);
  }

  ask(question: WireMessage, signal: AbortSignal): Promise<Answer> {
    return this.owner.ask(question, signal);
  }

  end(ending: Ending): void {
    this.owner.end(ending);
  }

  /** Whether the tool's annotations say that calling it twice does no harm. */
  async isSafeTwice(): Promise<boolean> {
    const { basis: { lists }, call: { caller, method, params: { name } } } = this.owner;
    if (method !== "tools/call") return false;
    const tools = await lists.of(caller).get("tools").catch(() => []);
    const hints = tools.find((tool) => tool["name"] === name)?.["annotations"];
    return isJsonObject(hints) &&
      (hints["readOnlyHint"] === true || hints["idempotentHint"] === true);
  }
}
