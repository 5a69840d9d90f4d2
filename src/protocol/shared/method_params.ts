/**
 * Schemas for the params of methods that both eras have, and the parts from which each era makes
 * its own. They ask only for what routing and safety need, and leave unknown members alone; the
 * server that gets the call checks the rest. Names and URIs with control characters or lone
 * surrogates are refused. Not here: which revision has which method (methods.ts of each era).
 */
import * as v from "valibot";
import { defaultLimits } from "../../limits.ts";
import { type JsonObject, logLevels } from "../../model.ts";
import { boundedSafeText, boundedText } from "../bounds.ts";
import { isJsonObject, isSafeText } from "../jsonrpc.ts";

/** An object whose members are data. */
export const object = v.custom<JsonObject>(isJsonObject, "must be an object");
/** A text that is safe to show and to send on. */
export const safeText = v.pipe(
  v.string("must be a string"),
  v.check(isSafeText, "must be free of control characters and lone surrogates"),
);
/** A name within its limit. */
export const name = boundedSafeText(defaultLimits.nameCharsMax);
/** A URI within its limit. */
export const uri = boundedSafeText(defaultLimits.uriCharsMax);
/** One severity of a log notice. */
export const level = v.picklist(logLevels, `must be one of ${logLevels.join(", ")}`);

const idProblem = "must be a string or an integer within 2^53";
const id = v.union([
  boundedText(defaultLimits.requestIdCharsMax),
  v.pipe(v.number(), v.safeInteger(idProblem)),
], idProblem);
const meta = v.optional(object);

/** Params with these members, and the `_meta` that all have. */
export function params(entries: v.ObjectEntries = {}): v.GenericSchema {
  return v.object({ _meta: meta, ...entries });
}

/** Params of a request, whose `_meta` may hold a progress token. */
export function request(entries: v.ObjectEntries = {}): v.GenericSchema {
  const withToken = v.pipe(object, v.object({ progressToken: v.optional(id) }));
  return params({ _meta: v.optional(withToken), ...entries });
}

const cursor = v.optional(v.string("must be a string"));
/** A page of a list. */
export const page = request({ cursor });

const reference = v.variant("type", [
  v.object({ type: v.literal("ref/prompt"), name }),
  v.object({ type: v.literal("ref/resource"), uri }),
], 'must be a "ref/prompt" or a "ref/resource"');

/** Requests of clients. */
export const sharedRequests = {
  "tools/list": page,
  "tools/call": request({ name, arguments: v.optional(object), task: v.optional(object) }),
  "prompts/list": page,
  "prompts/get": request({ name, arguments: v.optional(object) }),
  "resources/list": page,
  "resources/templates/list": page,
  "resources/read": request({ uri }),
  // The extension for skills (SEP-2640).
  "resources/directory/read": request({ uri, cursor }),
  "skills/list": page,
  "skills/get": request({ uri }),
  "completion/complete": request({
    ref: reference,
    argument: v.object({
      name: v.string("must be a string"),
      value: v.string("must be a string"),
    }),
  }),
} as const;

/** Notifications of servers. A malformed cancellation must be ignored, so its schema accepts it. */
export const sharedNotifications = {
  "notifications/cancelled": params(),
  "notifications/progress": params({ progressToken: id, progress: v.number("must be a number") }),
  "notifications/message": params({ level }),
  "notifications/resources/updated": params({ uri: safeText }),
  "notifications/resources/list_changed": params(),
  "notifications/tools/list_changed": params(),
  "notifications/prompts/list_changed": params(),
} as const;

/** Questions of servers to clients, in the form of either era. */
export const sharedQuestions = {
  "roots/list": request(),
  "sampling/createMessage": request({ messages: v.array(object, "must be an array") }),
  "elicitation/create": request({
    message: v.string("must be a string"),
    mode: v.optional(v.string("must be a string")),
    requestedSchema: v.optional(object),
    url: v.optional(safeText),
  }),
} as const;

/** What is wrong with params, in words; undefined if nothing is. */
export function problemIn(
  schema: v.GenericSchema,
  method: string,
  given: JsonObject,
): string | undefined {
  const checked = v.safeParse(schema, given, { abortEarly: true });
  if (checked.success) return undefined;
  const [issue] = checked.issues;
  const path = v.getDotPath(issue);
  const problem = issue.received === "undefined" ? "is missing" : issue.message;
  return `Cannot take ${method}: ${path === null ? "params" : `params.${path}`} ${problem}`;
}
