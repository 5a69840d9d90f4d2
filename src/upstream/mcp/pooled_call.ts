/**
 * Finds a connection for a client's call: the running one, a leased one if the server may ask
 * something during the call, or one that is started for it. `logging/setLevel` needs none: the
 * level is kept for connections that start later.
 */
import { type GatewayError, toGatewayError, withOutcome } from "../../errors.ts";
import type { Call, Caller, Exchange, JsonObject, LogLevel } from "../../model.ts";
import { createExchange, type ExchangeHooks, type ExchangeSource } from "../exchange_source.ts";
import type { OpenRequest } from "../link/link.ts";
import { notOffered, offersTool } from "../offered_tool.ts";
import { workingMethods } from "./attribution.ts";
import type { Connection } from "./connection.ts";
import type { CallClaim, Lease } from "./pool.ts";
import { hasLevel, holderOf, type PooledParts, setLevel } from "./pooled_parts.ts";
import { openOnConnection, subscribing } from "./subscribed_call.ts";

/** A call and its state; its reader controls it through `ExchangeHooks`. */
class PooledCall implements ExchangeHooks {
  readonly parts: PooledParts;
  readonly call: Call;
  readonly source: ExchangeSource;
  /** The request on its connection; undefined while the call waits for one. */
  request: OpenRequest | undefined = undefined;
  /** Aborts when the call is given up; absent if a connection takes the call at once. */
  givenUp: AbortController | undefined = undefined;
  /** Whether its client was asked something. */
  wasAsked = false;

  constructor(parts: PooledParts, call: Call) {
    this.parts = parts;
    this.call = call;
    this.source = createExchange(parts.deps, this);
  }

  cancelled(reason: string): void {
    const { clock, limits } = this.parts.deps;
    this.givenUp?.abort();
    const cancel = (): void => this.request?.cancel(reason);
    // The question of a waiting call has just been refused. If the server then ends the call by
    // itself, its next question certainly belongs to another call.
    if (this.source.resting() === undefined) cancel();
    else clock.after(limits.parkLeaveMs, cancel);
  }

  asking(isOpen: boolean): void {
    this.wasAsked = true;
    if (isOpen) this.request?.hold();
    else this.request?.resume();
  }

  resting(): void {
    this.parts.pool.leasesChanged();
    this.parts.deps.processLimit.changed();
  }
}

/** Opens a call on a connection of the pool. */
export function openPooled(parts: PooledParts, call: Call): Exchange {
  const pooled = new PooledCall(parts, call);
  const { source } = pooled;
  if (call.method === "logging/setLevel") {
    noteLevel(parts, call, source);
    return source.exchange;
  }
  if (!beginAtOnce(pooled)) waitFor(pooled);
  return source.exchange;
}

const nothingMore = (): void => {};

/** Hands the call to its connection, which must offer its tool where only accepted tools are. */
function begin(
  pooled: PooledCall,
  connection: Connection,
  ended: (succeeded: boolean) => void,
): void {
  const { parts: { pins }, call: { method, params: { name }, caller, target } } = pooled;
  if (!pins.withholds || method !== "tools/call") return hand(pooled, connection, ended);
  const lists = connection.lists.of(caller);
  const decide = (tools: readonly JsonObject[]): void => {
    if (offersTool(tools, name)) return hand(pooled, connection, ended);
    refuse(pooled, notOffered(name), ended);
  };
  const known = lists.known("tools");
  if (known !== undefined) return decide(known);
  if (target !== undefined) target.isSent = false;
  lists.get("tools").then(
    decide,
    (thrown) => refuse(pooled, withOutcome(toGatewayError(thrown), "not_sent"), ended),
  );
}

/** Ends a call that its server does not get. */
function refuse(
  { source, call: { target } }: PooledCall,
  error: GatewayError,
  ended: (succeeded: boolean) => void,
): void {
  if (target !== undefined) target.isSent = false;
  ended(false);
  source.end({ kind: "failure", error });
}

/** Hands the call to its connection; `ended` is called when it is over. */
function hand(
  pooled: PooledCall,
  connection: Connection,
  ended: (succeeded: boolean) => void,
): void {
  const { parts: { pool, kind }, call, source } = pooled;
  if (source.ended()) return ended(false);
  if (call.target !== undefined) call.target.isSent = true;
  if (kind.used !== undefined && pool.keyOf(call.caller).scope !== undefined) kind.used();
  pooled.request = openOnConnection(connection, call, source, ended);
}

/** Waits for the connection of a call. */
function waitFor(pooled: PooledCall): void {
  const { call: { target }, source } = pooled;
  if (target !== undefined) target.isSent = false;
  pooled.givenUp = new AbortController();
  connectionOf(pooled, pooled.givenUp.signal)
    .then(([connection, ended]) => begin(pooled, connection, ended))
    .catch((thrown) => source.end({ kind: "failure", error: toGatewayError(thrown) }));
}

/** Keeps the level for connections that start later, and sets it on those that run. */
function noteLevel(parts: PooledParts, { caller, params }: Call, source: ExchangeSource): void {
  const { levels, pool } = parts;
  levels.note({ ...caller, logLevel: params["level"] as LogLevel });
  const key = pool.keyOf(caller);
  for (const connection of pool.serving(caller.scope)) setLevel(parts, key, connection);
  source.end({ kind: "result", value: {} });
}

/** Hands the call to a running connection, without a promise; false when it has to wait. */
function beginAtOnce(pooled: PooledCall): boolean {
  const { parts, call, call: { method, params, caller } } = pooled;
  const { pool } = parts;
  const holder = subscribing.has(method) ? holderOf(parts, caller.scope, params["uri"]) : undefined;
  const connection = holder ?? pool.running(caller);
  if (connection === undefined) return false;
  const isShared = holder === undefined && caller.sharesScope === true;
  if (isShared && pool.hasEnded(caller.scope)) return false;
  if (!isShared || connection.dialect.sharing === "all") {
    begin(pooled, connection, nothingMore);
    return true;
  }
  if (mustRaiseLevel(parts, caller, connection)) return false;
  if (!needsLease(parts, call)) {
    begin(pooled, connection, nothingMore);
    return true;
  }
  const lease = pool.share(caller, claimOf(pooled, connection));
  if (lease === undefined) return false;
  begin(pooled, connection, endOf(pooled, lease));
  return true;
}

/** The claim by which the pool chooses a leased connection for a call. */
function claimOf(pooled: PooledCall, base: Connection): CallClaim {
  const { parts: { pool, asking }, call, source } = pooled;
  const { text: declared } = pool.declared(call.caller);
  return {
    declared,
    // If this call could ask too, a question could belong to it or to a call that was given up.
    isAlone: () => asking.asks() || (asking.isNew(call, declared) && base.isDoubtful()),
    joins: (fresh) => asking.joins(call, declared, fresh),
    stayedQuiet: () => noteQuiet(pooled),
    resting: () => source.resting(),
  };
}

/** Notes a call that succeeded, or has run for a while, without a question. */
function noteQuiet({ wasAsked, parts: { pool, asking }, call }: PooledCall): void {
  if (!wasAsked) asking.wasQuiet(call, pool.declared(call.caller).text);
}

/** The function to call when a call with a lease is over. */
function endOf(pooled: PooledCall, lease: Lease): (succeeded: boolean) => void {
  return (succeeded) => {
    if (succeeded) noteQuiet(pooled);
    lease.release();
  };
}

/**
 * Whether a shared connection's log level must be raised to "debug" for a caller. A server has one
 * level for all callers, so the binding filters log lines for each request.
 */
function mustRaiseLevel({ leveled }: PooledParts, caller: Caller, connection: Connection): boolean {
  return caller.logLevel !== undefined && hasLevel(connection) && !leveled.has(connection);
}

/** The connection of a call, and the function to call when the call is over. */
async function connectionOf(
  pooled: PooledCall,
  signal: AbortSignal,
): Promise<[Connection, (succeeded: boolean) => void]> {
  const { parts, call, call: { caller } } = pooled;
  const { pool, leveled } = parts;
  const base = await pool.forCall(caller);
  if (base.dialect.sharing === "all" || caller.sharesScope !== true) return [base, nothingMore];
  const lease = needsLease(parts, call)
    ? await pool.lease(caller, { ...claimOf(pooled, base), signal })
    : undefined;
  try {
    const connection = lease?.connection ?? base;
    if (mustRaiseLevel(parts, caller, connection)) {
      leveled.add(connection);
      await connection.request("logging/setLevel", { level: "debug" }).catch(() => {});
    }
    return [connection, lease === undefined ? nothingMore : endOf(pooled, lease)];
  } catch (thrown) {
    lease?.release();
    throw thrown;
  }
}

/** Whether the server may ask something during a call without saying which call it asks for. */
function needsLease({ kind, pool }: PooledParts, { method, caller }: Call): boolean {
  const { config, connector } = kind;
  return config.isolation === "session" && workingMethods.has(method) &&
    !connector.ownsQuestions && pool.declared(caller).mayAsk;
}
