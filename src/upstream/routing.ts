/**
 * Where a lane's unsolicited notices and questions go: to the call that owns them (open_calls.ts
 * tells which), else to whoever watches the scope. Questions that the client did not declare to
 * answer are refused here, but for callers who hear of what was missing; roots that the operator
 * fixed are answered here.
 */
import { GatewayError } from "../errors.ts";
import type { LaneServerConfig } from "../config/config.ts";
import type { Answer, JsonObject, Notice } from "../model.ts";
import type { WireMessage } from "../protocol/codec.ts";
import { type ExchangeSource, toRefusal } from "./exchange.ts";
import type { OpenCall } from "./open_calls.ts";

/** Who hears what belongs to no call. */
export interface RoutingHooks {
  /** A notice that belongs to no call; false when nobody wants it. */
  notice(notice: Notice): boolean;
  /** A question that belongs to no call; must not reject. */
  ask(question: WireMessage, signal: AbortSignal): Promise<Answer>;
}

/** What decides where things go. */
export interface RoutingOptions {
  readonly config: Pick<LaneServerConfig, "isolation" | "roots">;
  /** What the server is told that its client can do. */
  readonly capabilities: JsonObject;
  readonly hooks: RoutingHooks;
}

/** What a client must have declared to be asked. */
const capabilityOfAsk: ReadonlyMap<string, string> = new Map([
  ["sampling/createMessage", "sampling"],
  ["elicitation/create", "elicitation"],
  ["roots/list", "roots"],
]);

/** Makes the handlers of a lane. */
export function createRouting(
  { config, capabilities, hooks }: RoutingOptions,
  owner: () => OpenCall | undefined,
) {
  const notice = (item: Notice): boolean => {
    if (item.method !== "notifications/message") return hooks.notice(item);
    const open = owner();
    if (open === undefined) return config.isolation === "session" && hooks.notice(item);
    open.request.touch();
    return open.source.notice(item);
  };
  /** A notice on the way of one call: only progress and log lines are the call's own. */
  const noticeOf = (source: ExchangeSource) => (item: Notice): boolean =>
    item.method === "notifications/progress" || item.method === "notifications/message"
      ? source.notice(item)
      : hooks.notice(item);

  const put = (
    question: WireMessage,
    signal: AbortSignal,
    source: ExchangeSource | undefined,
    isDeferred: boolean,
  ): Promise<Answer> => {
    const { method, params } = question;
    const capability = capabilityOfAsk.get(method);
    const isDeclared = capability !== undefined && capabilities[capability] !== undefined;
    // A caller with deferred answers is told which capability its call had needed; what the operator
    // keeps from servers, and questions of a process that all share, are no such matter.
    const isWithheld = config.isolation === "shared" ||
      (method === "roots/list" && config.roots === "none");
    if (!isDeclared && (!isDeferred || capability === undefined || isWithheld)) {
      return Promise.resolve(toRefusal(new GatewayError("method_not_found")));
    }
    if (method === "roots/list" && typeof config.roots !== "string") {
      return Promise.resolve({ kind: "answer", value: { roots: config.roots } });
    }
    return source?.ask(method, params, signal) ?? hooks.ask(question, signal);
  };
  const ask = (question: WireMessage, signal: AbortSignal): Promise<Answer> => {
    const open = owner();
    return put(question, signal, open?.source, open?.call.caller.deferred === true);
  };
  const askOf =
    ({ call, source }: Pick<OpenCall, "call" | "source">) =>
    (question: WireMessage, signal: AbortSignal): Promise<Answer> =>
      put(question, signal, source, call.caller.deferred === true);
  return { notice, noticeOf, ask, askOf };
}
