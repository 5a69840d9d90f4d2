/**
 * The methods of the handshake era as four tables: who sends them, since which revision, and what
 * their params must hold (method_params.ts has what the eras share). Only servers run tasks: the
 * gateway relays no tasks of clients.
 */
import * as v from "valibot";
import { defaultLimits } from "../../limits.ts";
import { boundedObject, boundedSafeText } from "../bounds.ts";
import {
  level,
  name,
  page,
  params,
  request,
  safeText,
  sharedNotifications,
  sharedQuestions,
  sharedRequests,
  uri,
} from "../shared/method_params.ts";
import { isSince, type Revision } from "./revisions.ts";

/** One method. */
export interface MethodRow {
  readonly since: Revision;
  readonly params: v.GenericSchema;
}

/** A table of methods. */
export type MethodTable = Readonly<Record<string, MethodRow>>;

const always: Revision = "2024-11-05";
const task = request({ taskId: name });
const subscription = request({ uri: boundedSafeText(defaultLimits.subscriptionUriCharsMax) });

/** Requests of clients. */
export const clientRequests = table({
  ...since(always, sharedRequests),
  initialize: {
    since: always,
    params: request({
      protocolVersion: v.string("must be a string"),
      capabilities: boundedObject(defaultLimits.clientCapabilitiesBytesMax),
      clientInfo: boundedObject(defaultLimits.clientInfoBytesMax),
    }),
  },
  ...since(always, {
    ping: request(),
    "resources/subscribe": subscription,
    "resources/unsubscribe": request({ uri }),
    "logging/setLevel": request({ level }),
  }),
  ...since("2025-11-25", {
    "tasks/get": task,
    "tasks/result": task,
    "tasks/cancel": task,
    "tasks/list": page,
  }),
});

/** Notifications of clients. */
export const clientNotifications = table(since(always, {
  "notifications/initialized": params(),
  "notifications/cancelled": sharedNotifications["notifications/cancelled"],
  "notifications/progress": sharedNotifications["notifications/progress"],
  "notifications/roots/list_changed": params(),
}));

/** Requests of servers. All but `ping` are questions to the client. */
export const serverRequests = table({
  ...since(always, {
    ping: request(),
    "roots/list": sharedQuestions["roots/list"],
    "sampling/createMessage": sharedQuestions["sampling/createMessage"],
  }),
  ...since("2025-06-18", { "elicitation/create": sharedQuestions["elicitation/create"] }),
});

/** Notifications of servers. */
export const serverNotifications = table({
  ...since(always, sharedNotifications),
  ...since("2025-11-25", {
    "notifications/elicitation/complete": params({
      elicitationId: v.string("must be a string"),
    }),
    "notifications/tasks/status": params({ taskId: safeText }),
  }),
});

/** Methods that exist from a revision on. */
function since(revision: Revision, methods: Readonly<Record<string, v.GenericSchema>>) {
  return Object.fromEntries(
    Object.entries(methods).map(([method, schema]): [string, MethodRow] => [
      method,
      { since: revision, params: schema },
    ]),
  );
}

/** A copy without prototype, so that a method named `constructor` has no row. */
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
