/**
 * Which method names belong to the protocol, whatever the revision and whoever sends them, and which
 * are others' own. A name of the protocol means something only where a revision has it; a name that
 * is not is passed on between a client and a server that know it.
 */
import type { JsonObject } from "../model.ts";
import type { Decoded } from "./codec.ts";
import {
  clientNotifications,
  clientRequests,
  serverNotifications,
  serverRequests,
} from "./legacy/methods.ts";
import { foreignParams, progressTokenOf } from "./legacy/wire_keys.ts";
import { notifications, requests } from "./modern/methods.ts";

const names: ReadonlySet<string> = new Set([
  ...[clientRequests, clientNotifications, serverRequests, serverNotifications]
    .flatMap((table) => Object.keys(table)),
  ...requests.keys(),
  ...notifications.keys(),
]);

/** Names that are the protocol's as a whole: tasks, and what JSON-RPC 2.0 keeps for itself. */
const reserved = /^(?:(?:notifications\/)?tasks(?:\/|$)|rpc\.)/;

/** Such a request, as it goes to its server. */
type Foreign = Extract<Decoded, { kind: "ok" }>;

/** Whether a revision of the protocol names this method, as a request or a notification. */
export function isNamed(method: string): boolean {
  return names.has(method) || reserved.test(method);
}

/** A client's request by a method that is others' own; undefined for all others. */
export function decodeForeign(method: string, params: JsonObject): Foreign | undefined {
  // It must travel as it is, in a header too.
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
