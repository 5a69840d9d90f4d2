/**
 * Session state that requests change after the gateway has carried them out: the log level and the
 * subscriptions, which are stored with the session. Follows the logging and resources pages.
 */
import { GatewayError } from "../../errors.ts";
import type { JsonObject, LogLevel } from "../../model.ts";
import { keep, type LiveSession } from "./live_session.ts";

/** What a session remembers once the gateway has carried out a request. */
type After = (session: LiveSession, params: JsonObject) => Promise<void>;

/** Requests whose success changes the session; their result is empty. */
export const changes: ReadonlyMap<string, After> = new Map<string, After>([
  ["logging/setLevel", async (session, params) => {
    const logLevel = params.level as LogLevel;
    session.caller = { ...session.caller, logLevel };
    await keep(session, (store, key) => store.update(key, { logLevel }));
  }],
  ["resources/subscribe", async (session, params) => {
    const uri = String(params.uri);
    session.subscriptions.add(uri);
    await keep(session, (store, key) => store.subscribe(key, uri));
  }],
  ["resources/unsubscribe", async (session, params) => {
    const uri = String(params.uri);
    session.subscriptions.delete(uri);
    await keep(session, (store, key) => store.unsubscribe(key, uri));
  }],
]);

/** Why a session has no room for what a request would add; undefined if it has. */
export function fullFor(
  session: LiveSession,
  method: string,
  { uri }: JsonObject,
): GatewayError | undefined {
  if (method !== "resources/subscribe") return undefined;
  const { subscriptions, deps: { limits } } = session;
  if (subscriptions.has(String(uri))) return undefined;
  const { sessionSubscriptionsMax: max, sessionSubscriptionCharsMax: charsMax } = limits;
  const chars = [...subscriptions, String(uri)].reduce((sum, { length }) => sum + length, 0);
  if (subscriptions.size < max && chars <= charsMax) return undefined;
  return new GatewayError(
    "overloaded",
    `Cannot subscribe: a session has at most ${max} subscriptions with URIs of ${charsMax} ` +
      "characters in all; unsubscribe from others first",
  );
}
