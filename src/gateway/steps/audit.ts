/**
 * What the log records of calls: one line for each call that failed, and, in debug mode, one for
 * each that succeeded and for every message. Values are never logged: arguments and results appear
 * as their shape, names and URIs in full, and a failure with its reason. A call that the client
 * cancelled, or that ends with its session, is not a failure. Every call passes here once, so each
 * failure also gets its outcome here.
 */
import type { GatewayError } from "../../errors.ts";
import type { Limits } from "../../limits.ts";
import { type Log, Shortened } from "../../log.ts";
import type { Call, CallTarget, JsonObject, Reply } from "../../model.ts";
import { clientLine, oneLine } from "../../one_line.ts";
import { withOutcomeOf } from "../outcome.ts";
import type { CallContext, MakeStep } from "./steps.ts";

/** Members whose texts describe the message and hold no client data. */
const spokenMembers = new Set(["name", "uri", "uriTemplate", "level", "logger", "type", "isError"]);
const depthMax = 4;
const membersMax = 20;

/** What an audit works with. */
export interface AuditDeps {
  readonly log: Log;
  readonly limits: Pick<
    Limits,
    "logCharsMax" | "logReasonCharsMax" | "logNameCharsMax" | "clientTitleCharsMax"
  >;
}

/** What is known of a call when it fails. */
type Failing = Pick<Call, "method" | "params" | "caller">;

/** Makes the step. */
export const makeAuditStep: MakeStep = (deps) => {
  const { log, clock, limits, debug, emit } = deps;
  const about = ({ surface: { surface }, call, target }: CallContext) => ({
    surface,
    method: call.method,
    what: target?.item?.offered ?? nameIn(call.params),
  });
  return {
    name: "audit",
    before(context) {
      if (debug) {
        log.debug("Request", { ...about(context), params: shapeOf(context.call.params) });
      }
    },
    reply(context, reply) {
      if (debug) log.debug(`Reply: ${reply.kind}`, { ...about(context), ...messageOf(reply) });
      return reply;
    },
    end(context, reply) {
      if (debug) log.debug(`Reply: ${reply.kind}`, { ...about(context), ...messageOf(reply) });
      const { call, surface: { surface }, principal, target } = context;
      const ending = withOutcomeOf(reply, call.target ?? {});
      const ms = Math.round(clock.monotonic() - context.startedAt);
      const outcome = outcomeOf(ending);
      const server = target?.server.config.name;
      emit({
        type: "call_ended",
        surface,
        method: call.method,
        server,
        principal: principal.id,
        ms,
        outcome,
      });
      const fault = context.isGivenUp ? undefined : faultOf(ending, limits.logCharsMax);
      if (fault === undefined) log.debug("Call", { ...about(context), ms, outcome });
      else logFailedCall(deps, call, { ...fault, target: call.target ?? {}, surface, ms });
      return ending;
    },
  };
};

/** Logs a call that failed, or was refused before it began. */
export function logFailedCall(
  { log, limits }: AuditDeps,
  { method, params, caller }: Failing,
  { code, reason, server, target = {}, ...more }: CallFault & {
    readonly target?: CallTarget;
    readonly surface: string;
    readonly ms?: number;
  },
): void {
  const name = target.name ?? nameIn(params);
  const failing = target.server ?? server;
  log.info("Call failed", {
    ...(failing === undefined ? {} : { server: failing }),
    ...(name === undefined
      ? {}
      : { [namings[method] ?? "what"]: oneLine(name, limits.logNameCharsMax) }),
    client: clientLine(caller.clientInfo, limits.clientTitleCharsMax),
    reason: new Shortened(reason, (text) => oneLine(text, limits.logReasonCharsMax)),
    code,
    method,
    ...more,
  });
}

/** Why a call failed. */
export interface CallFault {
  readonly code: string;
  readonly reason: string;
  /** The server that caused the failure, if the call did not reach one. */
  readonly server?: string | undefined;
}

/** A failure that is worth a line: not one of a client or gateway that leaves. */
export function toFault(error: GatewayError): CallFault | undefined {
  if (partings.has(error.code)) return undefined;
  const server = error.data?.["server"];
  return {
    code: error.code,
    reason: error.upstream?.message ?? error.message,
    server: typeof server === "string" ? server : undefined,
  };
}

const partings: ReadonlySet<string> = new Set(["cancelled", "draining"]);

/** What is called, by the method. */
const namings: Readonly<Record<string, string>> = {
  "tools/call": "tool",
  "prompts/get": "prompt",
  "resources/read": "resource",
  "resources/subscribe": "resource",
  "resources/unsubscribe": "resource",
};

/** The name of the called item, as the client wrote it. */
export function nameIn({ name, uri, ref }: JsonObject): string | undefined {
  const { name: refName, uri: refUri } = (ref ?? {}) as JsonObject;
  return [name, uri, refName, refUri].find((one) => typeof one === "string");
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
