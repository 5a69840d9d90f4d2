/**
 * The methods of 2026-07-28, as tables: what clients request and what their params must hold, and
 * what servers notify. Schemas are those of the handshake era where the params are the same. What
 * that era had and this one has not (`initialize`, `ping`, subscriptions, tasks) has no row.
 */
import * as v from "valibot";
import type { JsonObject } from "../../model.ts";
import { isJsonObject } from "../jsonrpc.ts";
import { clientRequests, type MethodRow, serverNotifications } from "../legacy/methods.ts";

/** A table of methods. */
type Methods = ReadonlyMap<string, v.GenericSchema>;

const object = v.custom<JsonObject>(isJsonObject, "must be an object");

function shared(
  table: Readonly<Record<string, MethodRow>>,
  names: readonly string[],
): [string, v.GenericSchema][] {
  return names.flatMap((name) => {
    const row = table[name];
    return row === undefined ? [] : [[name, row.params] as [string, v.GenericSchema]];
  });
}

/** Requests of clients. */
export const requests: Methods = new Map([
  ...shared(clientRequests, [
    "tools/list",
    "tools/call",
    "prompts/list",
    "prompts/get",
    "resources/list",
    "resources/templates/list",
    "resources/read",
    "completion/complete",
  ]),
  ["server/discover", v.object({})],
  ["subscriptions/listen", v.object({ notifications: object })],
]);

/** Requests that may end by questions, and come again with their answers. */
export const pausable: ReadonlySet<string> = new Set([
  "tools/call",
  "prompts/get",
  "resources/read",
]);

/** What such a request brings back. */
export const resumeSchema = v.object({
  inputResponses: v.optional(v.custom<Record<string, JsonObject>>(
    (value) => isJsonObject(value) && Object.values(value).every(isJsonObject),
    "must be an object of objects",
  )),
  requestState: v.optional(v.string("must be a string")),
});

/** Notifications of servers. */
export const notifications: Methods = new Map([
  ...shared(serverNotifications, [
    "notifications/cancelled",
    "notifications/progress",
    "notifications/message",
    "notifications/resources/updated",
    "notifications/resources/list_changed",
    "notifications/tools/list_changed",
    "notifications/prompts/list_changed",
  ]),
  ["notifications/subscriptions/acknowledged", v.object({ notifications: object })],
]);

/** What is wrong with params, for the person; undefined when nothing is. */
export function problemIn(
  schema: v.GenericSchema,
  method: string,
  params: JsonObject,
): string | undefined {
  const checked = v.safeParse(schema, params, { abortEarly: true });
  if (checked.success) return undefined;
  const [issue] = checked.issues;
  const path = v.getDotPath(issue);
  const problem = issue.received === "undefined" ? "is missing" : issue.message;
  return `Cannot take ${method}: ${path === null ? "params" : `params.${path}`} ${problem}`;
}
