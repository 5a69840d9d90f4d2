/**
 * A call of a client on its way to a connection: the running one, a leased one where the server may
 * ask something during the call, or one that is started for it. The log level is a call that no
 * server needs to get at once.
 */
import { toGatewayError } from "../../errors.ts";
import type { Call, Exchange, LogLevel } from "../../model.ts";
import { createExchange, type ExchangeSource } from "../exchange_source.ts";
import { askableCapabilities, declaredCapabilities } from "../link/client_shown.ts";
import type { OpenRequest } from "../link/link.ts";
import { workingMethods } from "./attribution.ts";
import type { Connection } from "./connection.ts";
import { hasLevel, holderOf, type PooledParts, setLevel } from "./pooled_parts.ts";
import { openOnConnection } from "./subscribed_call.ts";

const subscribing: ReadonlySet<string> = new Set([
  "resources/subscribe",
  "resources/unsubscribe",
]);

/** A call and what it has come to. */
interface PooledCall {
  readonly call: Call;
  readonly source: ExchangeSource;
  /** Aborts when the call is given up; absent where a connection takes it at once. */
  givenUp: AbortController | undefined;
  /** Whether its client was asked something. */
  wasAsked: boolean;
}

/** Makes a call. */
export function openPooled(parts: PooledParts, call: Call): Exchange {
  const { pool, deps: { clock, limits }, kind } = parts;
  const { caller, method, target = {} } = call;
  let request: OpenRequest | undefined;
  const source = createExchange(parts.deps, {
    cancelled(reason) {
      pooled.givenUp?.abort();
      const cancel = (): void => request?.cancel(reason);
      // Its question has been refused: a server that ends the call by itself leaves no doubt whose
      // its next question is.
      if (source.resting() === undefined) cancel();
      else clock.after(limits.parkLeaveMs, cancel);
    },
    asking(isOpen) {
      pooled.wasAsked = true;
      if (isOpen) request?.hold();
      else request?.resume();
    },
    resting: pool.leasesChanged,
  });
  const pooled: PooledCall = { call, source, givenUp: undefined, wasAsked: false };
  if (method === "logging/setLevel") {
    noteLevel(parts, call, source);
    return source.exchange;
  }
  const work = (connection: Connection, ended: (succeeded: boolean) => void): void => {
    if (source.ended()) return ended(false);
    target.isSent = true;
    if (pool.keyOf(caller).scope !== undefined) kind.used?.();
    request = openOnConnection(connection, call, source, ended);
  };
  const running = runningFor(parts, call);
  if (running !== undefined) work(running, () => {});
  else {
    target.isSent = false;
    pooled.givenUp = new AbortController();
    connectionOf(parts, pooled, pooled.givenUp.signal).then(([connection, ended]) =>
      work(connection, ended)
    )
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
function runningFor(parts: PooledParts, call: Call): Connection | undefined {
  const { method, params, caller } = call;
  const { pool, leveled } = parts;
  const holder = subscribing.has(method) ? holderOf(parts, caller.scope, params["uri"]) : undefined;
  const running = holder ?? pool.running(caller);
  if (holder !== undefined || running === undefined || caller.sharesScope !== true) return running;
  // `connectionOf` would give it, after as many promises as a call has no need of.
  const isReady = !pool.hasEnded(caller.scope) &&
    (running.dialect.sharing === "all" || !needsLease(parts, call) &&
        (caller.logLevel === undefined || !hasLevel(running) || leveled.has(running)));
  return isReady ? running : undefined;
}

/** The connection of a call, and what is to be done when the call is over. */
async function connectionOf(
  parts: PooledParts,
  pooled: PooledCall,
  signal: AbortSignal,
): Promise<[Connection, (succeeded: boolean) => void]> {
  const { pool, leveled, asking, kind: { config } } = parts;
  const { call, call: { caller }, source } = pooled;
  const base = await pool.forCall(caller);
  if (base.dialect.sharing === "all" || caller.sharesScope !== true) return [base, () => {}];
  const declared = JSON.stringify(declaredCapabilities(config, caller));
  const noteQuiet = (): void => {
    if (!pooled.wasAsked) asking.wasQuiet(call, declared);
  };
  const lease = needsLease(parts, call)
    ? await pool.lease(caller, {
      declared,
      // Of two calls, one given up and one unknown, the server's first question could be either's.
      isAlone: () => asking.asks() || (asking.isNew(call, declared) && base.isDoubtful()),
      joins: (fresh) => asking.joins(call, declared, fresh),
      stayedQuiet: noteQuiet,
      resting: () => source.resting(),
      signal,
    })
    : undefined;
  try {
    const connection = lease?.connection ?? base;
    // Log lines are filtered for each request by its binding; the server has one level for all.
    if (caller.logLevel !== undefined && hasLevel(connection) && !leveled.has(connection)) {
      leveled.add(connection);
      await connection.request("logging/setLevel", { level: "debug" }).catch(() => {});
    }
    return [connection, (succeeded) => {
      if (lease !== undefined && succeeded) noteQuiet();
      lease?.release();
    }];
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
    // Roots that the operator gives need no client.
    Object.keys(askableCapabilities(config, caller))
      .some((name) => name !== "roots" || config.roots === "relay");
}
