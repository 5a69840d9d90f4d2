/**
 * Which connection serves which caller (pool_key.ts says who shares one); one that is not there is
 * started (pool_start.ts).
 */
import { addWithin } from "../../bounded.ts";
import { withDeadline } from "../../clock.ts";
import { consumerOf } from "../../consumers.ts";
import type { GatewayError } from "../../errors.ts";
import type { Caller, JsonObject, ListKind } from "../../model.ts";
import { queuedError } from "../link/start_errors.ts";
import type { Connection } from "./connection.ts";
import type { LeaseClaim } from "./lease_places.ts";
import { createLeases, type Leases, type LeaseWish } from "./leases.ts";
import { assertOwner, createPoolKeys, type Declaration, type PoolKey } from "./pool_key.ts";
import {
  type ConnectionPoolOptions,
  keyOf,
  type PoolState,
  retireSlot,
  type Slot,
  slotOf,
  stopSlot,
  unavailable,
  type Wanted,
} from "./pool_slots.ts";
import { openSlot } from "./pool_start.ts";
import { trialScope } from "./trial_caller.ts";

/** A connection that a call has while it runs. */
export interface Lease {
  readonly connection: Connection;
  release(): void;
}

/** What decides which connection a call can have. */
export type CallClaim = Omit<LeaseClaim, "scope" | "consumer" | "stateOf">;

/** The claim of a call that waits for a connection. */
export type CallWish = CallClaim & Pick<LeaseWish, "signal">;

/** The connections of one upstream. */
export interface ConnectionPool {
  /** The key of the connection that would serve a caller now. */
  keyOf(caller: Caller): PoolKey;
  /** The capabilities that are declared to the server for a caller. */
  declared(caller: Caller): Declaration;
  /** The caller's connection when it is up. */
  running(caller: Caller): Connection | undefined;
  /** Whether the caller's connection is up or starting. */
  has(caller: Caller): boolean;
  /** The caller's connection, started when there is none. Rejects with a GatewayError. */
  get(caller: Caller): Promise<Connection>;
  /** The same for a call, which waits for its turn to start no longer than a start may take. */
  forCall(caller: Caller): Promise<Connection>;
  /**
   * Resolves when the start of the caller's connection has left the queue, or at once where there
   * is none.
   */
  begun(caller: Caller): Promise<void>;
  /**
   * A connection for a call that the server may turn to; waits until there is one. Rejects with a
   * GatewayError.
   */
  lease(caller: Caller, wish: CallWish): Promise<Lease>;
  /**
   * The scope's common connection for such a call, if it is up and has room; undefined when the
   * call must wait or needs a connection for itself.
   */
  share(caller: Caller, claim: CallClaim): Lease | undefined;
  /** A call that waits for a connection may get one now. */
  leasesChanged(): void;
  /** Whether a scope has ended, as far as that is remembered. */
  hasEnded(scope: string): boolean;
  /** The connections that are up and serve a scope. */
  serving(scope: string): Connection[];
  /** What the connections that are up have listed, as far as that is known. */
  known(kind: ListKind): readonly JsonObject[];
  /** A connection that is up, by its key. */
  of(key: PoolKey): Connection | undefined;
  endScope(scope: string): void;
  /** Connections of a principal (undefined: all) take no more calls, and end with those they have. */
  retire(principal: string | undefined): void;
  /** Ends the connections of a principal (undefined: all); their calls fail first. */
  revoke(principal: string | undefined): void;
  /** Stops what a scope that has ended had started for more than itself. */
  releaseEnded(scope: string): void;
  /** Ends the connection of a trial; resolves when nothing of it is left. */
  stopTrial(): Promise<void>;
  /** Connections that start and that run, and calls that wait for one. */
  counts(): { readonly starting: number; readonly running: number; readonly waiting: number };
  /** Ends all of them; resolves when nothing of them is left. */
  close(): Promise<void>;
}

/** Makes the connections of a server; none is started yet. */
export function createConnectionPool(options: ConnectionPoolOptions): ConnectionPool {
  const { config: { name, callTimeoutMs }, deps } = options;
  const leases = createLeases({ ...deps, server: name, waitMs: callTimeoutMs });
  const pool: PoolState = {
    options,
    keys: createPoolKeys(options.config, options.isPerPrincipal),
    slots: new Map(),
    retired: new Set(),
    leaving: new Set(),
    ended: new Set(),
    trialGone: undefined,
    isClosed: false,
  };
  const base = (caller: Caller): Wanted => ({ caller, number: 0 });
  const baseKey = (caller: Caller): PoolKey =>
    pool.keys.of(caller, 0, options.knownDialects.likeliest(caller));
  return {
    keyOf: baseKey,
    declared: pool.keys.declared,
    running: (caller) => pool.slots.get(baseKey(caller).id)?.connection,
    has: (caller) => slotOf(pool, base(caller)) !== undefined,
    get: (caller) => get(pool, base(caller)),
    forCall: (caller) => forCall(pool, base(caller)),
    begun: (caller) => slotOf(pool, base(caller))?.begun.promise ?? Promise.resolve(),
    lease: (caller, wish) => lease(pool, leases, caller, wish),
    share(caller, claim) {
      const connection = pool.slots.get(baseKey(caller).id)?.connection;
      if (connection === undefined || claim.isAlone()) return undefined;
      const taken = leases.takeNow({ ...claim, ...placing(pool, caller) });
      return taken && { connection, release: taken.release };
    },
    leasesChanged: leases.changed,
    hasEnded: (scope) => pool.ended.has(scope),
    serving: (scope) => serving(pool, scope),
    known: (kind) =>
      [...pool.slots.values()].flatMap(({ connection, caller }) =>
        connection?.lists.of(caller).known(kind) ?? []
      ),
    of: (key) => pool.slots.get(key.id)?.connection,
    endScope(scope) {
      endScope(pool, scope);
      leases.refuse(unavailable(pool, "its session ended"), scope);
    },
    retire(principal) {
      for (const slot of slotsOf(pool, principal)) retireSlot(pool, slot);
    },
    revoke(principal) {
      for (const slot of slotsOf(pool, principal)) stopSlot(pool, slot);
    },
    releaseEnded(scope) {
      if (!pool.ended.has(scope)) return;
      const own = [...pool.slots.values()].filter(({ key }) => key.scope === scope);
      for (const slot of own) stopSlot(pool, slot);
    },
    async stopTrial() {
      for (const { key, connection } of pool.slots.values()) {
        if (key.scope === trialScope) void connection?.stop();
      }
      await pool.trialGone;
    },
    counts() {
      const running = [...pool.slots.values()].filter((slot) => slot.connection !== undefined);
      const starting = pool.slots.size - running.length;
      return { starting, running: running.length, waiting: leases.waiting() };
    },
    async close() {
      pool.isClosed = true;
      leases.refuse(unavailable(pool, "it is being stopped"));
      for (const slot of slotsOf(pool)) stopSlot(pool, slot);
      await Promise.all(pool.leaving);
    },
  };
}

async function get(pool: PoolState, wanted: Wanted): Promise<Connection> {
  const { slots } = pool;
  for (;;) {
    if (pool.ended.has(wanted.caller.scope)) throw unavailable(pool, "its session ended");
    const key = keyOf(pool, wanted);
    const slot = slots.get(key.id) ?? openSlot(pool, key, wanted);
    const connection = await slot.started;
    assertOwner(pool.options.config.name, connection.owner, wanted.caller);
    // The server may have turned out to speak in a dialect in which this connection is another
    // scope's.
    const right = keyOf(pool, wanted, connection.dialect).id;
    const holder = slots.get(right);
    if (slot.key.id === right && (holder === undefined || holder === slot)) return connection;
  }
}

async function forCall(pool: PoolState, wanted: Wanted): Promise<Connection> {
  const { config, deps } = pool.options;
  const connection = get(pool, wanted);
  const slot = slotOf(pool, wanted);
  const begun = slot?.begun.promise;
  const late = () => Promise.reject(refusal(pool, slot) ?? queuedError(config));
  await withDeadline(deps.clock, config.startTimeoutMs, Promise.race([begun, connection]), late);
  return await connection;
}

/** Why a start has no place yet, if it finds none. */
function refusal({ options }: PoolState, slot: Slot | undefined): GatewayError | undefined {
  return slot && options.processLimit.refusal(slot);
}

async function lease(
  pool: PoolState,
  leases: Leases,
  caller: Caller,
  wish: CallWish,
): Promise<Lease> {
  const where = placing(pool, caller);
  const { number, release } = await leases.take({ ...wish, ...where });
  const wanted = { caller, number };
  try {
    const slot = slotOf(pool, wanted);
    // Its questions could not be told from those of a call that was given up. The common
    // connection has more to lose than this.
    const isDoubtful = where.stateOf(number) === "doubtful";
    if (slot !== undefined) slot.caller = caller;
    if (slot !== undefined && !slot.key.isBase && isDoubtful) stopSlot(pool, slot);
    return { connection: await forCall(pool, wanted), release };
  } catch (thrown) {
    release();
    throw thrown;
  }
}

/** Whose claim it is, and the state of each connection that this caller can lease. */
function placing(
  pool: PoolState,
  caller: Caller,
): Pick<LeaseClaim, "scope" | "consumer" | "stateOf"> {
  return {
    scope: caller.scope,
    consumer: consumerOf(caller),
    stateOf(number) {
      const slot = slotOf(pool, { caller, number });
      if (slot === undefined) return "none";
      return slot.connection?.isDoubtful() === true ? "doubtful" : "clear";
    },
  };
}

/** All slots, or those whose connections were opened for a principal. */
function slotsOf({ slots, retired }: PoolState, principal?: string): Slot[] {
  const all = [...slots.values(), ...retired];
  return principal === undefined ? all : all.filter(({ owner }) => owner.principal === principal);
}

function serving({ keys, slots }: PoolState, scope: string): Connection[] {
  return [...slots.values()].flatMap(({ key, connection }) =>
    connection !== undefined && keys.serves(key, scope) ? [connection] : []
  );
}

function endScope(pool: PoolState, scope: string): void {
  const { ended, keys, options: { deps, hooks } } = pool;
  addWithin(ended, scope, deps.limits.endedScopesMax);
  for (const slot of slotsOf(pool)) {
    if (slot.key.scope === scope) {
      if (!slot.key.isBase || !hooks.outlives(scope)) stopSlot(pool, slot);
    } else if (slot.key.scope === undefined) slot.connection?.endScope(scope);
  }
  keys.forget(scope);
}
