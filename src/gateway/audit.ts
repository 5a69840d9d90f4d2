/**
 * What the log has of calls: one record for each, with how long it took and how it ended, and, in
 * debug mode, every message of it. Values never reach the log: arguments and results appear as their
 * shape, names and URIs as they are.
 */
import type { Clock } from "../clock.ts";
import type { Log } from "../log.ts";
import type { Call, Exchange, Reply } from "../model.ts";
import { mappedExchange } from "./exchange.ts";

/** Members whose texts say what a message is about and are not the client's data. */
const spokenMembers = new Set(["name", "uri", "uriTemplate", "level", "logger", "type", "isError"]);
const depthMax = 4;
const membersMax = 20;

/** Watches one call on a surface; `messages` logs everything that is said in it. */
export function auditedExchange(
  exchange: Exchange,
  call: Call,
  options: {
    readonly surface: string;
    readonly log: Log;
    readonly clock: Clock;
    readonly messages: boolean;
  },
): Exchange {
  const { surface, log, clock, messages } = options;
  const begun = clock.monotonic();
  const about = { surface, method: call.method, what: call.params["name"] ?? call.params["uri"] };
  if (messages) log.debug("Request", { ...about, params: shapeOf(call.params) });
  return mappedExchange(exchange, (reply) => {
    if (messages) log.debug(`Reply: ${reply.kind}`, { ...about, ...messageOf(reply) });
    if (reply.kind === "notice" || reply.kind === "ask") return reply;
    const outcome = reply.kind === "pause"
      ? { outcome: "paused" }
      : reply.kind === "failure"
      ? { outcome: reply.error.code, error: reply.error }
      : { outcome: reply.value["isError"] === true ? "tool_error" : "ok" };
    log.debug("Call", { ...about, ms: Math.round(clock.monotonic() - begun), ...outcome });
    return reply;
  });
}

function messageOf(reply: Reply): Record<string, unknown> {
  switch (reply.kind) {
    case "notice":
      return { notice: reply.method, params: shapeOf(reply.params) };
    case "ask":
      return { ask: reply.method, params: shapeOf(reply.params) };
    case "pause":
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
