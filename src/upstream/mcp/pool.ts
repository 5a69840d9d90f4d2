/**
 * Which connection serves which caller (pool_key.ts says who shares one), and starting one when there
 * is none: the restart policy allows it, the process limit gives it a place. A connection that leaves
 * makes room for the next call's at once, while it is still being stopped.
 */
import { addWithin } from "../../bounded.ts";
import { withDeadline } from "../../clock.ts";
import type { McpServerConfig } from "../../config/config.ts";
import type { GatewayError } from "../../errors.ts";
import type { Caller } from "../../model.ts";
import type { ConnectionLimit, Evictable, ProcessPlace, UpstreamDeps } from "../deps.ts";
import { type Connection, startConnection } from "./connection.ts";
import { createLeases } from "./leases.ts";
import { queuedError, startError } from "../link/start_errors.ts";
import type { PoolEvents } from "./pool_events.ts";
import { attributionOf, type PoolKey, poolKeyOf } from "./pool_key.ts";
import type { Connector } from "../link/link.ts";
import { clientShownTo } from "../link/dialect.ts";
import type { RestartPolicies } from "./restart_policies.ts";
import { trialScope } from "./trial_caller.ts";
import type { KnownDialects } from "./known_dialects.ts";

/** A connection for one call alone. */
export interface Lease {
  readonly connection: Promise<Connection>;
  release(): void;
}

/** The connections of one upstream. */
export interface ConnectionPool {
  /** The key of the connection that would serve a caller now. */
  keyOf(caller: Caller): PoolKey;
  /** The caller's connection when it is up. */
  running(caller: Caller): Connection | undefined;
  /** Whether the caller's connection is up or starting. */
  has(caller: Caller): boolean;
  /** The caller's connection, started when there is none. Rejects with a GatewayError. */
  get(caller: Caller): Promise<Connection>;
  /** The same for a call, which waits for its turn to start no longer than a start may take. */
  forCall(caller: Caller): Promise<Connection>;
  /** Resolves when the start of the caller's connection has left the queue, or at once where there is none. */
  begun(caller: Caller): Promise<void>;
  /** A connection on which no other call may be asked something. Throws `overloaded` when all are taken. */
  lease(caller: Caller): Lease;
  /** Whether a scope has ended, as far as that is remembered. */
  hasEnded(scope: string): boolean;
  /** The connections that are up and serve a scope. */
  serving(scope: string): Connection[];
  /** A connection that is up, by its key. */
  of(key: PoolKey): Connection | undefined;
  endScope(scope: string): void;
  /** Stops what a scope that has ended had started for more than itself. */
  releaseEnded(scope: string): void;
  /** Ends the connection of a trial; resolves when nothing of it is left. */
  stopTrial(): Promise<void>;
  counts(): { readonly starting: number; readonly running: number };
  /** Ends all of them; resolves when nothing of them is left. */
  close(): Promise<void>;
}

interface Slot extends Evictable {
  key: PoolKey;
  connection: Connection | undefined;
  readonly abandon: AbortController;
  readonly begun: PromiseWithResolvers<void>;
  started: Promise<Connection>;
}

/** What connections are made of. */
export interface ConnectionPoolOptions {
  readonly config: McpServerConfig;
  readonly deps: UpstreamDeps;
  readonly connector: Connector;
  readonly knownDialects: KnownDialects;
  readonly restartPolicies: RestartPolicies;
  readonly processLimit: ConnectionLimit;
  readonly hooks: PoolEvents;
}

/** Makes the connections of a server; none is started yet. */
export function createConnectionPool(options: ConnectionPoolOptions): ConnectionPool {
  const { config, deps, connector, knownDialects, restartPolicies, hooks } = options;
  const slots = new Map<string, Slot>();
  const leases = createLeases(config.name, deps);
  const leaving = new Set<Promise<unknown>>();
  const ended = new Set<string>();
  let trialGone: Promise<void> | undefined;
  let closed = false;

  const keyOf = (caller: Caller, number = 0, dialect = knownDialects.of(caller)[0]): PoolKey =>
    poolKeyOf(config, caller, number, dialect);

  const unavailable = (why: string) => startError(config.name, why);
  const refusal = (slot: Slot, caller: Caller): GatewayError | undefined =>
    closed || slot.abandon.signal.aborted
      ? unavailable("it is being stopped")
      : restartPolicies.of(knownDialects.of(caller)[0]).refusal(slot.key.scope);

  const drop = (slot: Slot): void => {
    if (slots.get(slot.key.id) === slot) slots.delete(slot.key.id);
    hooks.changed();
  };
  /** The server speaks in another dialect than was thought: the slot takes its right place. */
  const settle = (slot: Slot, connection: Connection, caller: Caller, number: number): void => {
    const right = keyOf(caller, number, connection.dialect);
    if (right.id === slot.key.id) return;
    // It serves all, and goes on.
    if (slot.key.scope === trialScope) trialGone = undefined;
    drop(slot);
    slot.key = right;
    const other = slots.get(right.id);
    if (other === undefined) slots.set(right.id, slot);
    else void connection.stop();
  };

  const launch = async (slot: Slot, caller: Caller, number: number, place: ProcessPlace) => {
    const dialects = knownDialects.of(caller);
    const judge = restartPolicies.of(dialects[0]);
    const attempt = judge.begin(slot.key.scope);
    const gone = Promise.withResolvers<void>();
    leaving.add(gone.promise);
    if (slot.key.scope === trialScope) trialGone = gone.promise;
    const outcome = await startConnection({
      config,
      deps,
      connector,
      dialects,
      isTrial: caller.scope === trialScope,
      attribution: attributionOf(config, caller),
      ...clientShownTo(config, caller),
      hooks: {
        notice: (notice) => hooks.notice(slot.key, notice),
        ask: (question, signal) => hooks.ask(slot.key, question, signal),
        renewed() {
          if (slot.connection !== undefined) hooks.renewed(slot.key, slot.connection);
        },
        left(died) {
          attempt.ended(died);
          drop(slot);
          if (died !== undefined) hooks.died(slot.key, died);
        },
        gone() {
          place.release();
          leaving.delete(gone.promise);
          gone.resolve();
        },
      },
    }, slot.abandon.signal);
    const refused = "fault" in outcome ? outcome.fault.refused : outcome.refused;
    if (slot.abandon.signal.aborted) {
      // It may have come up at that very moment.
      if ("connection" in outcome) void outcome.connection.stop();
      throw unavailable("it is being stopped");
    }
    if ("connection" in outcome) {
      const { connection } = outcome;
      // One that it only kept silent about counts too: else the next call would look for it there.
      const passedOver = dialects.slice(0, dialects.indexOf(connection.dialect));
      for (const dialect of [...refused, ...passedOver]) knownDialects.refused(dialect);
      attempt.succeeded();
      knownDialects.accepted(connection.dialect);
      slot.connection = connection;
      settle(slot, connection, caller, number);
      hooks.changed();
      if (!ended.has(caller.scope)) hooks.ready(slot.key, connection, caller);
      return connection;
    }
    // It speaks in none of the dialects that were thought likely: another server is in its place.
    if (dialects.every((dialect) => refused.includes(dialect))) knownDialects.forget();
    attempt.failed(outcome.fault);
    throw judge.refusal(slot.key.scope) ?? unavailable(outcome.fault.reason);
  };

  const start = async (slot: Slot, caller: Caller, number: number): Promise<Connection> => {
    try {
      const refused = refusal(slot, caller);
      if (refused !== undefined) throw refused;
      await hooks.clear(slot.key);
      const place = await options.processLimit.acquire(slot, slot.abandon.signal);
      slot.begun.resolve();
      try {
        // Much may have happened while it waited for its place.
        const late = refusal(slot, caller);
        const known = slots.get(keyOf(caller, number).id) ?? slot;
        if (late === undefined && known === slot) return await launch(slot, caller, number, place);
        place.release();
        if (late !== undefined) throw late;
        // Others have found out how the server speaks, and that this caller has a connection already.
        drop(slot);
        return await known.started;
      } finally {
        // Only after those who wait for the connection: until they use it, it looks idle to the next.
        deps.clock.after(0, place.started);
      }
    } catch (thrown) {
      drop(slot);
      throw thrown;
    } finally {
      slot.begun.resolve();
    }
  };

  const stopSlot = (slot: Slot): void => {
    drop(slot);
    slot.abandon.abort();
    if (slot.connection === undefined) return;
    const stopped: Promise<unknown> = slot.connection.stop().finally(() => leaving.delete(stopped));
    leaving.add(stopped);
  };

  const openSlot = (key: PoolKey, caller: Caller, number: number): Slot => {
    const slot: Slot = {
      key,
      connection: undefined,
      abandon: new AbortController(),
      begun: Promise.withResolvers(),
      started: new Promise(() => {}),
      idleSince: () => slot.connection?.idleSince(),
      evict: () => void slot.connection?.stop(),
    };
    slots.set(key.id, slot);
    hooks.changed();
    slot.started = start(slot, caller, number);
    // Each caller that waits gets the failure; without one it must not end the process.
    slot.started.catch(() => {});
    return slot;
  };

  const get = async (caller: Caller, number = 0): Promise<Connection> => {
    for (;;) {
      if (ended.has(caller.scope)) throw unavailable("its session ended");
      const key = keyOf(caller, number);
      const slot = slots.get(key.id) ?? openSlot(key, caller, number);
      const connection = await slot.started;
      // The server may have turned out to speak in a dialect in which this connection is another scope's.
      const right = keyOf(caller, number, connection.dialect).id;
      const holder = slots.get(right);
      if (slot.key.id === right && (holder === undefined || holder === slot)) return connection;
    }
  };

  const forCall = async (caller: Caller, number = 0): Promise<Connection> => {
    const connection = get(caller, number);
    const begun = slots.get(keyOf(caller, number).id)?.begun.promise;
    const late = () => Promise.reject(queuedError(config));
    await withDeadline(deps.clock, config.startTimeoutMs, Promise.race([begun, connection]), late);
    return await connection;
  };

  const lease = (caller: Caller): Lease => {
    const { number, release } = leases.take(caller.scope, (one) => {
      const slot = slots.get(keyOf(caller, one).id);
      return slot === undefined ? "none" : slot.connection?.isDoubtful() ? "doubtful" : "clear";
    });
    return { connection: forCall(caller, number), release };
  };

  return {
    keyOf: (caller) => keyOf(caller),
    running: (caller) => slots.get(keyOf(caller).id)?.connection,
    has: (caller) => slots.has(keyOf(caller).id),
    get: (caller) => get(caller),
    forCall: (caller) => forCall(caller),
    begun: (caller) => slots.get(keyOf(caller).id)?.begun.promise ?? Promise.resolve(),
    lease,
    hasEnded: (scope) => ended.has(scope),
    serving: (scope) =>
      [...slots.values()].flatMap(({ key, connection }) =>
        connection !== undefined && (key.scope ?? scope) === scope ? [connection] : []
      ),
    of: (key) => slots.get(key.id)?.connection,
    endScope(scope) {
      addWithin(ended, scope, deps.limits.endedScopesMax);
      for (const slot of [...slots.values()]) {
        if (slot.key.scope === scope) {
          if (!slot.key.isBase || !hooks.outlives(scope)) stopSlot(slot);
        } else if (slot.key.scope === undefined) slot.connection?.endScope(scope);
      }
    },
    releaseEnded(scope) {
      if (!ended.has(scope)) return;
      [...slots.values()].filter(({ key }) => key.scope === scope).forEach(stopSlot);
    },
    async stopTrial() {
      for (const { key, connection } of slots.values()) {
        if (key.scope === trialScope) void connection?.stop();
      }
      await trialGone;
    },
    counts() {
      const running = [...slots.values()].filter((slot) => slot.connection !== undefined).length;
      return { starting: slots.size - running, running };
    },
    async close() {
      closed = true;
      for (const slot of [...slots.values()]) stopSlot(slot);
      await Promise.all(leaving);
    },
  };
}
