/**
 * A call of a client on its way to a connection: the running one, a leased one where the call may
 * be asked something, or one that is started for it. The log level is a call that no server needs
 * to get at once.
 */
import { toGatewayError } from "../../errors.ts";
import type { Call, Exchange, LogLevel } from "../../model.ts";
import { createExchange, type ExchangeSource } from "../exchange_source.ts";
import { askableCapabilities } from "../link/client_shown.ts";
import type { OpenRequest } from "../link/link.ts";
import { workingMethods } from "./attribution.ts";
import type { Connection } from "./connection.ts";
import { hasLevel, holderOf, type PooledParts, setLevel } from "./pooled_parts.ts";
import { openOnConnection } from "./subscribed_call.ts";

const subscribing: ReadonlySet<string> = new Set([
  "resources/subscribe",
  "resources/unsubscribe",
]);

/** Makes a call. */
export function openPooled(parts: PooledParts, call: Call): Exchange {
  const { pool, deps, kind } = parts;
  const { caller, method, target = {} } = call;
  let request: OpenRequest | undefined;
  const source = createExchange(deps, {
    cancelled: (reason) => request?.cancel(reason),
    asking: (isOpen) => isOpen ? request?.hold() : request?.resume(),
  });
  if (method === "logging/setLevel") {
    noteLevel(parts, call, source);
    return source.exchange;
  }
  const work = (connection: Connection, ended: () => void): void => {
    if (source.ended()) return ended();
    target.isSent = true;
    if (pool.keyOf(caller).scope !== undefined) kind.used?.();
    request = openOnConnection(connection, call, source, ended);
  };
  const running = runningFor(parts, call);
  if (running !== undefined) work(running, () => {});
  else {
    target.isSent = false;
    connectionOf(parts, call).then(([connection, ended]) => work(connection, ended))
      .catch((thrown) => source.end({ kind: "failure", error: toGatewayError(thrown) }));
  }
  return source.exchange;
}

/** The level is kept for connections to come, and set on those that are there. */
function noteLevel(parts: PooledParts, { caller, params }: Call, source: ExchangeSource): void {
  const { levels, pool } = parts;
  levels.note({ ...caller, logLevel: params["level"] as LogLevel });
  const key = pool.keyOf(caller);
  for (const connection of pool.serving(caller.scope)) setLevel(parts, key, connection);
  source.end({ kind: "result", value: {} });
}

/** The connection that takes a call at once. */
function runningFor(parts: PooledParts, { method, params, caller }: Call): Connection | undefined {
  const holder = subscribing.has(method) ? holderOf(parts, caller.scope, params["uri"]) : undefined;
  return holder ?? (caller.sharesScope === true ? undefined : parts.pool.running(caller));
}

/** The connection of a call, and what is to be done when the call is over. */
async function connectionOf(
  parts: PooledParts,
  call: Call,
): Promise<[Connection, () => void]> {
  const { pool, leveled } = parts;
  const { caller } = call;
  const base = await pool.forCall(caller);
  if (base.dialect.sharing === "all" || caller.sharesScope !== true) return [base, () => {}];
  const lease = needsLease(parts, call) ? pool.lease(caller) : undefined;
  try {
    const connection = lease === undefined ? base : await lease.connection;
    // Log lines are filtered for each request by its binding; the server has one level for all.
    if (caller.logLevel !== undefined && hasLevel(connection) && !leveled.has(connection)) {
      leveled.add(connection);
      await connection.request("logging/setLevel", { level: "debug" }).catch(() => {});
    }
    return [connection, () => lease?.release()];
  } catch (thrown) {
    lease?.release();
    throw thrown;
  }
}

/**
 * Whether the server may ask something during a call, on a channel that cannot say for which call.
 */
function needsLease({ kind }: PooledParts, { method, caller }: Call): boolean {
  const { config, connector } = kind;
  return workingMethods.has(method) && !connector.ownsQuestions &&
    config.isolation === "session" &&
    Object.keys(askableCapabilities(config, caller)).length > 0;
}
