/**
 * What a pool holds: a slot for each connection that is up or starting, the connections that are
 * leaving, and the scopes that have ended. Not here: how a slot gets its connection
 * (pool_start.ts), and who asks for one (pool.ts).
 */
import type { McpServerConfig } from "../../config/config.ts";
import type { GatewayError } from "../../errors.ts";
import type { Caller } from "../../model.ts";
import type { ConnectionLimit, Evictable, UpstreamDeps } from "../deps.ts";
import type { Dialect } from "../link/dialect.ts";
import type { Connector, LinkOwner } from "../link/link.ts";
import { startError } from "../link/start_errors.ts";
import type { Connection } from "./connection.ts";
import type { PingMemory } from "./health_check.ts";
import type { KnownDialects } from "./known_dialects.ts";
import type { PinnedLists } from "./pinned_lists.ts";
import type { PoolEvents } from "./pool_events.ts";
import { ownerOf, type PoolKey, type PoolKeys } from "./pool_key.ts";
import type { RestartPolicies } from "./restart_policies.ts";
import { trialScope } from "./trial_caller.ts";

/** What connections are made of. */
export interface ConnectionPoolOptions {
  readonly config: McpServerConfig;
  readonly deps: UpstreamDeps;
  readonly connector: Connector;
  readonly knownDialects: KnownDialects;
  readonly restartPolicies: RestartPolicies;
  readonly processLimit: ConnectionLimit;
  /** Whether no connection may serve two principals. */
  readonly isPerPrincipal: boolean;
  readonly pins: PinnedLists;
  readonly pings: PingMemory;
  readonly hooks: PoolEvents;
}

/** The place of one connection, from the moment at which it is wanted. */
export interface Slot extends Evictable {
  key: PoolKey;
  readonly owner: LinkOwner;
  /** The client that has it, or had it last: another may lease the connection later. */
  caller: Caller;
  /** Absent while it starts. */
  connection: Connection | undefined;
  readonly abandon: AbortController;
  readonly begun: PromiseWithResolvers<void>;
  started: Promise<Connection>;
}

/** The state of one pool. */
export interface PoolState {
  readonly options: ConnectionPoolOptions;
  readonly keys: PoolKeys;
  readonly slots: Map<string, Slot>;
  /** Connections that take no more calls, and end with those that they have. */
  readonly retired: Set<Slot>;
  /** What is being stopped; the pool is closed when nothing of it is left. */
  readonly leaving: Set<Promise<unknown>>;
  /** Scopes that have ended, the latest of them. */
  readonly ended: Set<string>;
  /** Resolves when nothing is left of the trial's connection. */
  trialGone: Promise<void> | undefined;
  isClosed: boolean;
}

/** Whom a connection is for: its number tells the connections apart that calls of a scope lease. */
export interface Wanted {
  readonly caller: Caller;
  readonly number: number;
}

/** The key of a connection in the dialect that is the likeliest now, or in one that is known. */
export function keyOf(
  { keys, options: { knownDialects } }: PoolState,
  { caller, number }: Wanted,
  dialect: Dialect | undefined = knownDialects.likeliest(caller),
): PoolKey {
  return keys.of(caller, number, dialect);
}

/** The slot that would serve a caller now. */
export function slotOf(pool: PoolState, wanted: Wanted): Slot | undefined {
  return pool.slots.get(keyOf(pool, wanted).id);
}

/** The error of a start that does not go on. */
export function unavailable({ options }: PoolState, why: string): GatewayError {
  return startError(options.config.name, why);
}

/** Why nothing may be started in a slot now; undefined when it may. */
export function refusalOf(
  pool: PoolState,
  slot: Slot,
  { caller }: Wanted,
): GatewayError | undefined {
  const { knownDialects, restartPolicies } = pool.options;
  return pool.isClosed || slot.abandon.signal.aborted
    ? unavailable(pool, "it is being stopped")
    : restartPolicies.of(knownDialects.likeliest(caller)).refusal(ownerOf(slot.key));
}

/** Takes a slot out of the pool; its connection may live on for a while. */
export function drop({ slots, options }: PoolState, slot: Slot): void {
  if (slots.get(slot.key.id) === slot) slots.delete(slot.key.id);
  options.hooks.changed();
}

/** Takes a slot out of the pool, and gives up its start or ends its connection. */
export function stopSlot(pool: PoolState, slot: Slot): void {
  const { leaving } = pool;
  drop(pool, slot);
  pool.retired.delete(slot);
  slot.abandon.abort();
  if (slot.connection === undefined) return;
  const stopped: Promise<unknown> = slot.connection.stop().finally(() => leaving.delete(stopped));
  leaving.add(stopped);
}

/**
 * Takes a slot out of the pool, and ends its connection after the calls that it has. One that still
 * starts is as good as another.
 */
export function retireSlot(pool: PoolState, slot: Slot): void {
  const { connection } = slot;
  if (connection === undefined) return;
  drop(pool, slot);
  pool.retired.add(slot);
  connection.retire();
}

/**
 * A connection is up: where the server speaks in another dialect than was thought, its slot moves.
 */
export function settle(
  pool: PoolState,
  slot: Slot,
  connection: Connection,
  wanted: Wanted,
): void {
  const right = keyOf(pool, wanted, connection.dialect);
  if (right.id === slot.key.id) return;
  // It serves all, and goes on.
  if (slot.key.scope === trialScope) pool.trialGone = undefined;
  drop(pool, slot);
  slot.key = right;
  const other = pool.slots.get(right.id);
  if (other === undefined) pool.slots.set(right.id, slot);
  else void connection.stop();
}
