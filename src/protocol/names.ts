/**
 * Which method names belong to the protocol, in any revision and direction, and which are foreign.
 * A name of the protocol works only in the revisions that have it. The gateway relays foreign
 * methods between a client and a server that both know them.
 */
import type { JsonObject } from "../model.ts";
import type { Decoded } from "./codec.ts";
import {
  clientNotifications,
  clientRequests,
  serverNotifications,
  serverRequests,
} from "./legacy/methods.ts";
import { foreignParams, progressTokenOf } from "./shared/wire_keys.ts";
import { notifications, requests } from "./modern/methods.ts";

const names: ReadonlySet<string> = new Set([
  ...[clientRequests, clientNotifications, serverRequests, serverNotifications]
    .flatMap((table) => Object.keys(table)),
  ...requests.keys(),
  ...notifications.keys(),
]);

/** Prefixes that belong to the protocol: tasks, and those that JSON-RPC 2.0 reserves. */
const reserved = /^(?:(?:notifications\/)?tasks(?:\/|$)|rpc\.)/;

/** A foreign request, as it goes to its server. */
type Foreign = Extract<Decoded, { kind: "ok" }>;

/** Whether a revision of the protocol names this method, as a request or a notification. */
export function isNamed(method: string): boolean {
  return names.has(method) || reserved.test(method);
}

/** A client's request with a foreign method; undefined for all others. */
export function decodeForeign(method: string, params: JsonObject): Foreign | undefined {
  // Its name also goes into a header, unencoded.
  const isForeign = !isNamed(method) && !method.startsWith("notifications/") &&
    /^[!-~]+$/.test(method);
  if (!isForeign) return undefined;
  const token = progressTokenOf(params);
  const isToken = typeof token === "string" || Number.isSafeInteger(token);
  return {
    kind: "ok",
    method,
    params: foreignParams(params),
    progressToken: isToken ? token : undefined,
  };
}
