/**
 * The methods of 2026-07-28, as tables: what clients request and what their params must hold, and
 * what servers notify (method_params.ts has what the eras share). Methods that only the handshake
 * era has (`initialize`, `ping`, subscriptions, its own tasks) have no row. Those of the Tasks
 * extension are in task_messages.ts.
 */
import * as v from "valibot";
import type { JsonObject } from "../../model.ts";
import { isJsonObject } from "../jsonrpc.ts";
import { object, sharedNotifications, sharedRequests } from "../shared/method_params.ts";
import { taskRequests } from "./task_messages.ts";

/** Methods by name. */
type Methods = ReadonlyMap<string, v.GenericSchema>;

/** Requests of clients. */
export const requests: Methods = new Map([
  ...Object.entries<v.GenericSchema>(sharedRequests),
  ...Object.entries<v.GenericSchema>(taskRequests),
  ["server/discover", v.object({})],
  ["subscriptions/listen", v.object({ notifications: object })],
]);

/** Requests that may end with questions, and that clients repeat with the answers. */
export const pausable: ReadonlySet<string> = new Set([
  "tools/call",
  "prompts/get",
  "resources/read",
]);

/** What the repeated request adds. */
export const resumeSchema = v.object({
  inputResponses: v.optional(v.custom<Record<string, JsonObject>>(
    (value) => isJsonObject(value) && Object.values(value).every(isJsonObject),
    "must be an object of objects",
  )),
  requestState: v.optional(v.string("must be a string")),
});

/** Notifications of servers. */
export const notifications: Methods = new Map([
  ...Object.entries<v.GenericSchema>(sharedNotifications),
  ["notifications/subscriptions/acknowledged", v.object({ notifications: object })],
]);
