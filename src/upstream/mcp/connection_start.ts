/**
 * The start of a connection: its link is opened, and what its server says from the first moment on
 * finds its way. A server that declares nothing is asked for its tools before the connection counts
 * as up.
 */
import type { JsonObject } from "../../model.ts";
import type { Dialect } from "../link/dialect.ts";
import type { StartFault } from "../link/link.ts";
import { createAttributedCalls } from "./attribution.ts";
import { beginConnection, type Connection, createRunning } from "./connection.ts";
import { kindsOf } from "./lists.ts";
import {
  type ConnectionOptions,
  endConnection,
  type RunningConnection,
} from "./running_connection.ts";
import { createServerMessages } from "./server_messages.ts";

/** Starts a connection; `signal` gives the start up. */
export async function startConnection(
  options: ConnectionOptions,
  signal: AbortSignal,
): Promise<
  | { readonly connection: Connection; readonly refused: readonly Dialect[] }
  | { readonly fault: StartFault }
> {
  const { connector, dialects, capabilities, clientTitle, owner, hooks } = options;
  const up: { running?: RunningConnection } = {};
  let brokeEarly: string | undefined;
  const calls = createAttributedCalls(options.attribution, options.deps);
  let current = calls;
  const route = createServerMessages(options, () => current);
  const outcome = await connector.open({
    dialects,
    capabilities,
    clientTitle,
    owner,
    hooks: {
      notice: route.notice,
      drops: route.drops,
      ask: route.ask,
      broken(reason) {
        if (up.running === undefined) brokeEarly ??= reason;
        else endConnection(up.running, reason);
      },
      login: (refused) => hooks.login?.(refused),
      renewed: hooks.renewed,
      gone: hooks.gone,
    },
  }, signal).catch((thrown) => {
    // A fault of ours: the start is over, too, and its place is free.
    options.deps.log.error("Cannot start the server", { error: thrown });
    hooks.gone();
    throw thrown;
  });
  if ("fault" in outcome) return outcome;
  const { connected, refused } = outcome;
  // Where each request says whether it wants log lines, only those that do get any.
  if (connected.dialect.logLevel === "request") {
    current = createAttributedCalls("logged", options.deps);
  }
  const running = createRunning(options, connected, current, route);
  up.running = running;
  const connection = beginConnection(running);
  if (brokeEarly !== undefined) endConnection(running, brokeEarly);
  return { connection: await withDeclared(connection, signal), refused };
}

/**
 * Looks for tools first where a server declares nothing; a start that is given up does not wait.
 */
async function withDeclared(connection: Connection, signal: AbortSignal): Promise<Connection> {
  const { description, lists } = connection;
  if (kindsOf(description).length > 0) return connection;
  const { promise: givenUp, resolve } = Promise.withResolvers<JsonObject>();
  const end = () => resolve(description.capabilities);
  signal.addEventListener("abort", end);
  if (signal.aborted) end();
  const capabilities = await Promise.race([lists.of({}).declared(), givenUp]);
  signal.removeEventListener("abort", end);
  return { ...connection, description: { ...description, capabilities } };
}
