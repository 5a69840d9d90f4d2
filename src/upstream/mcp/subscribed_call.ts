/**
 * Calls on one connection, with subscriptions counted: scopes that share a connection do not end
 * each other's, and a server that is listened to by a listen request gets no subscribe call at all.
 */
import type { Call } from "../../model.ts";
import type { ExchangeSource } from "../exchange_source.ts";
import type { OpenRequest } from "../link/link.ts";
import type { Connection } from "./connection.ts";

/** The methods of subscriptions. */
export const subscribing: ReadonlySet<string> = new Set([
  "resources/subscribe",
  "resources/unsubscribe",
]);

/**
 * Makes a call on a connection. `ended` is called when it is over. Undefined: it is answered
 * already, since the server has nothing to do for it.
 */
export function openOnConnection(
  connection: Connection,
  call: Call,
  source: ExchangeSource,
  ended: (succeeded: boolean) => void,
): OpenRequest | undefined {
  const { method, params: { uri }, caller: { scope } } = call;
  if (!subscribing.has(method)) return connection.open(call, source, ended);
  const { subscriptions } = connection;
  const listens = connection.dialect.subscribe === "listen";
  const done = (): void => source.end({ kind: "result", value: {} });
  if (method === "resources/subscribe" && typeof uri === "string") {
    if (listens || subscriptions.has(uri)) {
      const isNew = !subscriptions.has(uri);
      subscriptions.add(uri, scope);
      if (isNew) connection.listen().then(done);
      else done();
      return void ended(true);
    }
    return connection.open(call, source, (succeeded) => {
      ended(succeeded);
      if (succeeded) subscriptions.add(uri, scope);
    });
  }
  if (method === "resources/unsubscribe" && typeof uri === "string") {
    const isLast = subscriptions.remove(uri, scope);
    if (isLast && listens) void connection.listen();
    if (!isLast || listens) {
      done();
      return void ended(true);
    }
  }
  return connection.open(call, source, ended);
}
