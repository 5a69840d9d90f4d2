/**
 * What is said of calls: one event for each call that began and one for each that ended, of which
 * the log is a reader, and, in debug mode, one log line for every message. Values are never shown: arguments and results appear
 * as their shape, names and URIs in full, and a failure with its reason. A call that the client
 * cancelled, or that ends with its session, is not a failure. Every call passes here once, so each
 * failure also gets its outcome here.
 */
import type { JsonObject, Reply } from "../../model.ts";
import { type CallFault, nameIn, toCallFailure, toFault } from "../call_failure.ts";
import { withOutcomeOf } from "../outcome.ts";
import type { CallFacts } from "../../telemetry/call_events.ts";
import type { CallContext, MakeStep, Step } from "./steps.ts";

/** Members whose texts describe the message and hold no client data. */
const spokenMembers = new Set(["name", "uri", "uriTemplate", "level", "logger", "type", "isError"]);
const depthMax = 4;
const membersMax = 20;

/** Makes the step. */
export const makeAuditStep: MakeStep = (deps) => {
  const { log, clock, limits, debug, emit } = deps;
  const about = ({ surface: { surface }, call, target }: CallContext) => ({
    surface,
    method: call.method,
    what: target?.item?.offered ?? nameIn(call.params),
  });
  const say = (context: CallContext, reply: Reply): void =>
    log.debug(`Reply: ${reply.kind}`, { ...about(context), ...messageOf(reply) });
  /** Only debug mode looks at single messages. */
  const messages: Pick<Step, "reply"> = {
    reply(context, reply) {
      say(context, reply);
      return reply;
    },
  };
  let calls = 0;
  return {
    name: "audit",
    ...(debug ? messages : {}),
    before(context) {
      calls += 1;
      context.number = calls;
      emit({ type: "call_started", ...factsOf(context) });
      if (debug) {
        log.debug("Request", { ...about(context), params: shapeOf(context.call.params) });
      }
    },
    end(context, reply) {
      if (debug) say(context, reply);
      const { call, target } = context;
      const ending = withOutcomeOf(reply, call.target ?? {});
      const ms = Math.round(clock.monotonic() - context.startedAt);
      const fault = context.isGivenUp ? undefined : faultOf(ending, limits.logCharsMax);
      emit({
        type: "call_ended",
        ...factsOf(context),
        server: target?.server.config.name,
        own: target?.item?.own,
        ms,
        result: ending.kind === "result" ? ending.value : undefined,
        outcome: outcomeOf(ending),
        isDenied: ending.kind === "failure" && ending.error.isDenial ? true : undefined,
        failure: fault && toCallFailure(call, fault, limits, call.target),
        trace: context.trace,
      });
      return ending;
    },
  };
};

function factsOf({ number, call, surface, principal }: CallContext): CallFacts {
  const { method, params, caller } = call;
  return {
    call: number,
    surface: surface.surface,
    method,
    item: nameIn(params),
    principal: principal.id,
    clientInfo: caller.clientInfo,
    arguments: params["arguments"] as JsonObject | undefined,
  };
}

function faultOf(reply: Reply, charsMax: number): CallFault | undefined {
  if (reply.kind === "failure") return toFault(reply.error);
  if (reply.kind !== "result" || reply.value["isError"] !== true) return undefined;
  return { code: "tool_error", reason: sayingOf(reply.value["content"], charsMax) };
}

/**
 * Why a tool failed, in its own words: the error member of JSON text, else the first line.
 */
function sayingOf(content: unknown, charsMax: number): string {
  for (const block of Array.isArray(content) ? content as JsonObject[] : []) {
    const text = block?.["text"];
    if (typeof text !== "string") continue;
    const line = messageIn(text, charsMax) ?? /\S[^\r\n]*/.exec(text)?.[0];
    if (line !== undefined) return line;
  }
  return "the tool does not say why";
}

/** The message of an error that a tool gives as JSON, such as the web APIs here do. */
function messageIn(text: string, charsMax: number): string | undefined {
  if (text.length > charsMax || !/^\s*\{/.test(text)) return undefined;
  try {
    const { error, message } = JSON.parse(text);
    return [error, message, error?.message].find((one) => typeof one === "string" && one.trim());
  } catch {
    return undefined;
  }
}

function outcomeOf(reply: Reply): string {
  if (reply.kind === "failure") return reply.error.code;
  if (reply.kind === "inputRequired") return "paused";
  return reply.kind === "result" && reply.value["isError"] === true ? "tool_error" : "ok";
}

function messageOf(reply: Reply): Record<string, unknown> {
  switch (reply.kind) {
    case "notice":
      return { notice: reply.method, params: shapeOf(reply.params) };
    case "ask":
      return { ask: reply.method, params: shapeOf(reply.params) };
    case "inputRequired":
      return { questions: reply.questions.map(({ method }) => method) };
    case "result":
      return { result: shapeOf(reply.value) };
    case "failure":
      return { error: reply.error };
  }
}

/** A value without its data: `{path: "/etc"}` is `{path: "string(4)"}`. */
export function shapeOf(value: unknown, depth = 0): unknown {
  if (typeof value === "string") return `string(${value.length})`;
  if (Array.isArray(value)) {
    if (value.length === 0 || depth >= depthMax) return `list(${value.length})`;
    return [
      shapeOf(value[0], depth + 1),
      ...(value.length > 1 ? [`… ${value.length} in all`] : []),
    ];
  }
  if (typeof value !== "object" || value === null) return value === null ? "null" : typeof value;
  const members = Object.entries(value);
  if (depth >= depthMax) return `object(${members.length})`;
  const shown = members.slice(0, membersMax).map(([name, member]) => [
    name,
    spokenMembers.has(name) && typeof member !== "object" ? member : shapeOf(member, depth + 1),
  ]);
  if (members.length > membersMax) shown.push(["…", `${members.length} in all`]);
  return Object.fromEntries(shown);
}
