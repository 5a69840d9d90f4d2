/**
 * The methods of 2026-07-28, as tables: what clients request and what their params must hold, and
 * what servers notify (method_params.ts has what the eras share). What the handshake era had and
 * this one has not (`initialize`, `ping`, subscriptions, tasks) has no row.
 */
import * as v from "valibot";
import type { JsonObject } from "../../model.ts";
import { isJsonObject } from "../jsonrpc.ts";
import { object, sharedNotifications, sharedRequests } from "../shared/method_params.ts";

/** Methods by name. */
type Methods = ReadonlyMap<string, v.GenericSchema>;

/** Requests of clients. */
export const requests: Methods = new Map([
  ...Object.entries<v.GenericSchema>(sharedRequests),
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
  ...Object.entries<v.GenericSchema>(sharedNotifications),
  ["notifications/subscriptions/acknowledged", v.object({ notifications: object })],
]);
