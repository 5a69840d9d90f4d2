/**
 * The methods of the handshake era as four tables: who sends them, since which revision, and what
 * their params must hold. Schemas ask only for what routing and safety need and leave unknown
 * members alone; the rest is checked by the server that gets the call. Names and URIs with control
 * characters or lone surrogates are refused. Tasks are those of servers; clients are asked for none,
 * so servers have no such requests.
 */
import * as v from "valibot";
import { defaultLimits } from "../../limits.ts";
import type { JsonObject } from "../../model.ts";
import { logLevels } from "../../model.ts";
import { boundedObject, boundedSafeText, boundedText } from "../bounds.ts";
import { isJsonObject, isSafeText } from "../jsonrpc.ts";
import { isSince, type Revision } from "./revisions.ts";

/** One method. */
export interface MethodRow {
  readonly since: Revision;
  readonly params: v.GenericSchema;
}

/** A table of methods. */
export type MethodTable = Readonly<Record<string, MethodRow>>;

const object = v.custom<JsonObject>(isJsonObject, "must be an object");
const safeText = v.pipe(
  v.string("must be a string"),
  v.check(isSafeText, "must be free of control characters and lone surrogates"),
);
const idProblem = "must be a string or an integer within 2^53";
const name = boundedSafeText(defaultLimits.nameCharsMax);
const uri = boundedSafeText(defaultLimits.uriCharsMax);
const id = v.union([
  boundedText(defaultLimits.requestIdCharsMax),
  v.pipe(v.number(), v.safeInteger(idProblem)),
], idProblem);
const meta = v.optional(object);
const level = v.picklist(logLevels, `must be one of ${logLevels.join(", ")}`);

/** Params with these members, and the `_meta` that all have. */
function params(entries: v.ObjectEntries = {}): v.GenericSchema {
  return v.object({ _meta: meta, ...entries });
}

/** Params of a request, whose `_meta` may hold a progress token. */
function request(entries: v.ObjectEntries = {}): v.GenericSchema {
  const withToken = v.pipe(object, v.object({ progressToken: v.optional(id) }));
  return params({ _meta: v.optional(withToken), ...entries });
}

const list = request({ cursor: v.optional(v.string("must be a string")) });
const resource = request({ uri });
const subscription = request({ uri: boundedSafeText(defaultLimits.subscriptionUriCharsMax) });
const task = request({ taskId: name });
const progress = params({ progressToken: id, progress: v.number("must be a number") });
/** A malformed cancellation is to be ignored, not answered. */
const cancelled = params();

const reference = v.variant("type", [
  v.object({ type: v.literal("ref/prompt"), name }),
  v.object({ type: v.literal("ref/resource"), uri }),
], 'must be a "ref/prompt" or a "ref/resource"');

const always: Revision = "2024-11-05";

/** Requests of clients. */
export const clientRequests = table({
  initialize: {
    since: always,
    params: request({
      protocolVersion: v.string("must be a string"),
      capabilities: boundedObject(defaultLimits.clientCapabilitiesBytesMax),
      clientInfo: boundedObject(defaultLimits.clientInfoBytesMax),
    }),
  },
  ping: { since: always, params: request() },
  "tools/list": { since: always, params: list },
  "tools/call": {
    since: always,
    params: request({
      name,
      arguments: v.optional(object),
      task: v.optional(object),
    }),
  },
  "prompts/list": { since: always, params: list },
  "prompts/get": {
    since: always,
    params: request({ name, arguments: v.optional(object) }),
  },
  "resources/list": { since: always, params: list },
  "resources/templates/list": { since: always, params: list },
  "resources/read": { since: always, params: resource },
  "resources/subscribe": { since: always, params: subscription },
  "resources/unsubscribe": { since: always, params: resource },
  "completion/complete": {
    since: always,
    params: request({
      ref: reference,
      argument: v.object({
        name: v.string("must be a string"),
        value: v.string("must be a string"),
      }),
    }),
  },
  "logging/setLevel": { since: always, params: request({ level }) },
  "tasks/get": { since: "2025-11-25", params: task },
  "tasks/result": { since: "2025-11-25", params: task },
  "tasks/cancel": { since: "2025-11-25", params: task },
  "tasks/list": { since: "2025-11-25", params: list },
});

/** Notifications of clients. */
export const clientNotifications = table({
  "notifications/initialized": { since: always, params: params() },
  "notifications/cancelled": { since: always, params: cancelled },
  "notifications/progress": { since: always, params: progress },
  "notifications/roots/list_changed": { since: always, params: params() },
});

/** Requests of servers. All but `ping` are questions to the client. */
export const serverRequests = table({
  ping: { since: always, params: request() },
  "roots/list": { since: always, params: request() },
  "sampling/createMessage": {
    since: always,
    params: request({ messages: v.array(object, "must be an array") }),
  },
  "elicitation/create": {
    since: "2025-06-18",
    params: request({
      message: v.string("must be a string"),
      mode: v.optional(v.string("must be a string")),
      requestedSchema: v.optional(object),
      url: v.optional(safeText),
    }),
  },
});

/** Notifications of servers. */
export const serverNotifications = table({
  "notifications/cancelled": { since: always, params: cancelled },
  "notifications/progress": { since: always, params: progress },
  "notifications/message": { since: always, params: params({ level }) },
  "notifications/resources/updated": { since: always, params: params({ uri: safeText }) },
  "notifications/resources/list_changed": { since: always, params: params() },
  "notifications/tools/list_changed": { since: always, params: params() },
  "notifications/prompts/list_changed": { since: always, params: params() },
  "notifications/elicitation/complete": {
    since: "2025-11-25",
    params: params({ elicitationId: v.string("must be a string") }),
  },
  "notifications/tasks/status": { since: "2025-11-25", params: params({ taskId: safeText }) },
});

/** A null-prototype copy, so that a method named `constructor` is found nowhere. */
function table(rows: MethodTable): MethodTable {
  return Object.assign(Object.create(null), rows) as MethodTable;
}

/** The row of a method in a revision; undefined when it has no such method. */
export function methodIn(
  methods: MethodTable,
  method: string,
  revision: string,
): MethodRow | undefined {
  const row = methods[method];
  return row !== undefined && isSince(revision, row.since) ? row : undefined;
}

/** What is wrong with the params, for the person; undefined when nothing is. */
export function problemOf(row: MethodRow, method: string, params: JsonObject): string | undefined {
  const checked = v.safeParse(row.params, params, { abortEarly: true });
  if (checked.success) return undefined;
  const [issue] = checked.issues;
  const path = v.getDotPath(issue);
  const problem = issue.received === "undefined" ? "is missing" : issue.message;
  return `Cannot take ${method}: ${path === null ? "params" : `params.${path}`} ${problem}`;
}
