/**
 * Starting the connection of a slot: the restart policy allows it, the process limit gives it a
 * place, and what the start shows of the server is remembered. A connection that leaves makes room
 * for the next one at once, while it is still being stopped.
 */
import type { GatewayError } from "../../errors.ts";
import { consumerOf, consumerOfPrincipal } from "../../consumers.ts";
import { isReserved } from "../../principals.ts";
import type { ProcessPlace } from "../deps.ts";
import type { Caller } from "../../model.ts";
import { clientShownTo } from "../link/client_shown.ts";
import { commonDeclarations } from "../link/common_declarations.ts";
import type { Dialect } from "../link/dialect.ts";
import type { Connection } from "./connection.ts";
import { startConnection } from "./connection_start.ts";
import { attributionOf, linkOwnerOf, ownerOf, type PoolKey } from "./pool_key.ts";
import {
  drop,
  type PoolState,
  refusalOf,
  settle,
  type Slot,
  slotOf,
  unavailable,
  type Wanted,
} from "./pool_slots.ts";
import type { RestartPolicies } from "./restart_policies.ts";
import type { ConnectionEvents, ConnectionOptions } from "./running_connection.ts";
import { trialScope } from "./trial_caller.ts";

type Judge = ReturnType<RestartPolicies["of"]>;
type Attempt = ReturnType<Judge["begin"]>;
type Outcome = Awaited<ReturnType<typeof startConnection>>;

/** Opens a slot, whose connection starts at once. */
export function openSlot(pool: PoolState, key: PoolKey, wanted: Wanted): Slot {
  const slot: Slot = {
    ...(wanted.caller.scope === trialScope ? {} : { server: pool.options.config.name }),
    key,
    owner: linkOwnerOf(key, wanted.caller, pool.options.isPerPrincipal),
    caller: wanted.caller,
    connection: undefined,
    abandon: new AbortController(),
    begun: Promise.withResolvers(),
    started: new Promise(() => {}),
    consumer: () => consumerOfSlot(slot),
    idleSince: () => slot.connection?.idleSince(),
    restingSince: () => slot.connection?.restingSince(),
    evict() {
      slot.connection?.giveWay();
      void slot.connection?.stop();
    },
  };
  pool.slots.set(key.id, slot);
  pool.options.hooks.changed();
  slot.started = start(pool, slot, wanted);
  // Each caller that waits gets the failure; without one it must not end the process.
  slot.started.catch(() => {});
  return slot;
}

/** The consumer that a connection serves alone. */
function consumerOfSlot({ key, caller }: Slot): string | undefined {
  const { principal } = caller;
  const servesAll = key.scope === undefined && key.principal === undefined;
  if (servesAll || isReserved(principal)) return undefined;
  const isOfOneClient = key.isSession || !key.isBase;
  return isOfOneClient ? consumerOf(caller) : consumerOfPrincipal(principal);
}

async function start(pool: PoolState, slot: Slot, wanted: Wanted): Promise<Connection> {
  const { config, hooks, processLimit } = pool.options;
  try {
    const refused = refusalOf(pool, slot, wanted) ?? await loginRequired(pool, slot);
    if (refused !== undefined) throw refused;
    await hooks.clear(slot.key);
    const place = await processLimit.acquire(
      slot,
      slot.abandon.signal,
      config.startTimeoutMs,
    );
    slot.begun.resolve();
    return await startInPlace(pool, slot, wanted, place);
  } catch (thrown) {
    drop(pool, slot);
    throw thrown;
  } finally {
    slot.begun.resolve();
  }
}

/** The error of a start that has to wait for a log-in of a person: it is not made. */
async function loginRequired(
  { options: { connector, hooks } }: PoolState,
  { owner, abandon }: Slot,
): Promise<GatewayError | undefined> {
  const error = await connector.loginRequired?.(owner, abandon.signal);
  if (error !== undefined) hooks.loginRequired(owner.principal, error);
  return error;
}

/** Much may have happened while the start waited for its place. */
async function startInPlace(
  pool: PoolState,
  slot: Slot,
  wanted: Wanted,
  place: ProcessPlace,
): Promise<Connection> {
  try {
    const late = refusalOf(pool, slot, wanted);
    const known = slotOf(pool, wanted) ?? slot;
    if (late === undefined && known === slot) return await launch(pool, slot, wanted, place);
    place.release();
    if (late !== undefined) throw late;
    // Others have found out how the server speaks, and that this caller has a connection already.
    drop(pool, slot);
    return await known.started;
  } finally {
    // Only after those who wait for the connection: until they use it, it looks idle to the next.
    pool.options.deps.clock.after(0, place.started);
  }
}

async function launch(
  pool: PoolState,
  slot: Slot,
  wanted: Wanted,
  place: ProcessPlace,
): Promise<Connection> {
  const { config, deps, connector, knownDialects, restartPolicies, pins, pings } = pool.options;
  const caller = shownCaller(pool, slot, wanted);
  const dialects = knownDialects.of(caller);
  const judge = restartPolicies.of(dialects[0]);
  const attempt = judge.begin(ownerOf(slot.key));
  deps.emit({ type: "server_starting", server: config.name });
  const options: ConnectionOptions = {
    config,
    deps,
    connector,
    dialects,
    isTrial: caller.scope === trialScope,
    attribution: attributionOf(config, caller),
    owner: slot.owner,
    caller,
    pins,
    pings,
    ...clientShownTo(config, caller),
    hooks: eventsOf(pool, slot, attempt, place),
  };
  const outcome = await startConnection(options, slot.abandon.signal).finally(attempt.over);
  if (slot.abandon.signal.aborted) {
    // It may have come up at that very moment.
    if ("connection" in outcome) void outcome.connection.stop();
    throw unavailable(pool, "it is being stopped");
  }
  if ("fault" in outcome) throw failed(pool, slot, outcome, dialects, { judge, attempt });
  const { connection, refused } = outcome;
  // One that it only kept silent about counts too: else the next call would look for it there.
  const passedOver = dialects.slice(0, dialects.indexOf(connection.dialect));
  for (const dialect of [...refused, ...passedOver]) knownDialects.refused(dialect);
  attempt.succeeded();
  pool.options.hooks.loginRequired(slot.owner.principal, undefined);
  knownDialects.accepted(connection.dialect);
  ready(pool, slot, connection, { ...wanted, caller });
  return connection;
}

/**
 * For whom a connection is started: the caller that wants it or, where all clients of a principal
 * share it, that caller with no more than all of them have declared by now.
 */
function shownCaller(
  { options: { hooks } }: PoolState,
  { key: { principal } }: Slot,
  { caller }: Wanted,
): Caller {
  if (principal === undefined) return caller;
  return { ...caller, ...commonDeclarations([caller, ...hooks.callersOf(principal)]) };
}

/** What a connection reports, to those who hear of its slot. */
function eventsOf(
  pool: PoolState,
  slot: Slot,
  attempt: Attempt,
  place: ProcessPlace,
): ConnectionEvents {
  const { leaving, options: { hooks } } = pool;
  const gone = Promise.withResolvers<void>();
  leaving.add(gone.promise);
  if (slot.key.scope === trialScope) pool.trialGone = gone.promise;
  return {
    notice: (notice) => hooks.notice(slot.key, notice),
    ask: (question, signal) => hooks.ask(slot.key, question, signal),
    asked: hooks.asked,
    login(refused) {
      if (attempt.login(refused?.message)) hooks.changed();
    },
    renewed() {
      if (slot.connection !== undefined) hooks.renewed(slot.key, slot.connection);
    },
    left(died, cause) {
      attempt.ended(died);
      drop(pool, slot);
      pool.retired.delete(slot);
      if (died !== undefined) hooks.died(slot.key, died, cause);
    },
    gone() {
      place.release();
      leaving.delete(gone.promise);
      gone.resolve();
    },
  };
}

/** A connection is up: its slot finds its place, and its callers may be told. */
function ready(pool: PoolState, slot: Slot, connection: Connection, wanted: Wanted): void {
  const { hooks } = pool.options;
  const { caller } = wanted;
  slot.connection = connection;
  settle(pool, slot, connection, wanted);
  hooks.changed();
  if (!pool.ended.has(caller.scope)) hooks.ready(slot.key, connection, caller);
}

/** The error of a start that failed, which counts for the restart policy. */
function failed(
  pool: PoolState,
  slot: Slot,
  { fault }: Extract<Outcome, { fault: unknown }>,
  dialects: readonly Dialect[],
  { judge, attempt }: { readonly judge: Judge; readonly attempt: Attempt },
): Error {
  // Another try waits for a person, not for the server.
  if (fault.loginRequired !== undefined) {
    pool.options.hooks.loginRequired(slot.owner.principal, fault.loginRequired);
    return fault.loginRequired;
  }
  // It speaks in none of the dialects that were thought likely: another server is in its place.
  if (dialects.every((dialect) => fault.refused.includes(dialect))) {
    pool.options.knownDialects.forget();
  }
  attempt.failed(fault);
  pool.options.hooks.startFailed();
  return judge.refusal(ownerOf(slot.key)) ?? unavailable(pool, fault.reason);
}
