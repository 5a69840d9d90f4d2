/**
 * `subscriptions/listen` in both directions: the filter that a client sends, the part that is
 * honoured, messages tagged with their stream, and the same toward upstreams. Not here: the streams
 * (http/modern, upstream). Follows patterns/subscriptions of 2026-07-28.
 */
import * as v from "valibot";
import { GatewayError } from "../../errors.ts";
import { defaultLimits } from "../../limits.ts";
import type { JsonObject, Notice, RequestId } from "../../model.ts";
import type { WireMessage } from "../codec.ts";
import { boundedText } from "../bounds.ts";
import { isJsonObject, isSafeText } from "../jsonrpc.ts";
import { envelopeKeys, signed } from "./envelope.ts";

/** What a stream should carry. */
export interface ListenFilter {
  readonly toolsListChanged: boolean;
  readonly promptsListChanged: boolean;
  readonly resourcesListChanged: boolean;
  readonly resourceSubscriptions: readonly string[];
}

const acknowledged = "notifications/subscriptions/acknowledged";
const updated = "notifications/resources/updated";

/** The list that each flag stands for. */
const flags = {
  toolsListChanged: "tools",
  promptsListChanged: "prompts",
  resourcesListChanged: "resources",
} as const;
const flagNames = Object.keys(flags) as (keyof typeof flags)[];

const flag = v.optional(v.boolean("must be true or false"), false);
const uri = v.pipe(
  boundedText(defaultLimits.subscriptionUriCharsMax),
  v.check(isSafeText, "must be a plain URI"),
);
const schema = v.object({
  toolsListChanged: flag,
  promptsListChanged: flag,
  resourcesListChanged: flag,
  resourceSubscriptions: v.optional(v.array(uri, "must be a list of URIs"), []),
}, "must be an object");

/** The filter of a client's request; throws `invalid_params`. */
export function decodeFilter(params: JsonObject): ListenFilter {
  const { notifications } = params;
  const problem = (message: string) =>
    new GatewayError("invalid_params", `Cannot listen: params.notifications${message}`);
  if (!isJsonObject(notifications)) throw problem(" must be an object");
  const checked = v.safeParse(schema, notifications, { abortEarly: true });
  if (checked.success) {
    const { resourceSubscriptions } = checked.output;
    return { ...checked.output, resourceSubscriptions: [...new Set(resourceSubscriptions)] };
  }
  const [issue] = checked.issues;
  throw problem(`.${v.getDotPath(issue) ?? ""} ${issue.message}`);
}

/** Whether a client asks for notices of tasks, which servers may give but need not (SEP-2663). */
export function wantsTaskNotices({ notifications }: JsonObject): boolean {
  const ids = isJsonObject(notifications) ? notifications.taskIds : undefined;
  return Array.isArray(ids) && ids.length > 0;
}

/** The part of a filter that a surface with these capabilities can fulfil. */
export function honoured(filter: ListenFilter, capabilities: JsonObject): ListenFilter {
  const has = (capability: string, feature: string): boolean => {
    const declared = capabilities[capability];
    return isJsonObject(declared) && declared[feature] === true;
  };
  return {
    toolsListChanged: filter.toolsListChanged && has("tools", "listChanged"),
    promptsListChanged: filter.promptsListChanged && has("prompts", "listChanged"),
    resourcesListChanged: filter.resourcesListChanged && has("resources", "listChanged"),
    resourceSubscriptions: has("resources", "subscribe") ? filter.resourceSubscriptions : [],
  };
}

/** A filter on the wire, which has only what is wanted. */
function toWire(filter: ListenFilter): JsonObject {
  const wanted = flagNames.filter((name) => filter[name]).map((name) => [name, true]);
  const { resourceSubscriptions } = filter;
  return {
    ...Object.fromEntries(wanted) as JsonObject,
    ...(resourceSubscriptions.length === 0 ? {} : { resourceSubscriptions }),
  };
}

/** The first message of a stream. */
export function encodeAck(id: RequestId, filter: ListenFilter): WireMessage {
  return tag({ method: acknowledged, params: { notifications: toWire(filter) } }, id);
}

/** A message with its stream's id, as the client wrote it. */
export function tag({ method, params }: WireMessage, id: RequestId): WireMessage {
  const meta = isJsonObject(params._meta) ? params._meta : {};
  return { method, params: { ...params, _meta: { ...meta, [envelopeKeys.subscription]: id } } };
}

/** The result that ends a stream normally. */
export function encodeEnd(id: RequestId, identity: JsonObject): JsonObject {
  return signed({ resultType: "complete", _meta: { [envelopeKeys.subscription]: id } }, identity);
}

/** Whether a stream with this filter carries a notice. */
export function wants(filter: ListenFilter, { method, params }: Notice): boolean {
  if (method === updated) return filter.resourceSubscriptions.includes(String(params["uri"]));
  return flagNames.some((name) =>
    filter[name] && method === `notifications/${flags[name]}/list_changed`
  );
}

/** The request for a stream of an upstream. */
export function encodeListen(filter: ListenFilter): WireMessage {
  return { method: "subscriptions/listen", params: { notifications: toWire(filter) } };
}

/**
 * Notices of everything that an acknowledged stream carries, for a client whose stream was opened
 * again: what changed in between is unknown.
 */
export function missedNotices(ack: JsonObject, id: RequestId): WireMessage[] {
  const honoured = isJsonObject(ack.notifications) ? ack.notifications : {};
  const { resourceSubscriptions: uris } = honoured;
  return [
    ...flagNames.filter((name) => honoured[name] === true)
      .map((name) => ({ method: `notifications/${flags[name]}/list_changed`, params: {} })),
    ...(Array.isArray(uris) ? uris : []).map((uri: unknown) => ({
      method: updated,
      params: { uri },
    })),
  ].map((message) => tag(message, id));
}

/** Whether a message is the acknowledgement of a listen request. */
export function isAck({ method }: Pick<WireMessage, "method">): boolean {
  return method === acknowledged;
}
