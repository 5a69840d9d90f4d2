/**
 * Which lane serves which caller, and starting one when there is none: the supervisor allows it, the
 * budget gives it a place, `startLane` does it. Who shares a lane: pool_key.ts; a caller with deferred
 * answers leases one alone for a call that may be asked. A lane that leaves makes room for the next
 * call's at once, while it is still being stopped.
 */
import { within } from "../../clock.ts";
import type { LaneServerConfig } from "../../config/config.ts";
import type { GatewayError } from "../../errors.ts";
import type { Caller } from "../../model.ts";
import type { EvictableLane, LaneBudget, LanePlace, UpstreamDeps } from "../deps.ts";
import { type Lane, startLane } from "./connection.ts";
import { createLeases } from "./leases.ts";
import { queuedError, startError } from "../link/start_errors.ts";
import type { LanesHooks } from "./pool_events.ts";
import { attributionOf, type LaneKey, laneKeyOf } from "./pool_key.ts";
import type { Connector } from "../link/link.ts";
import { introductionOf } from "../link/dialect.ts";
import type { Supervisors } from "./restart_policies.ts";
import { trialScope } from "./trial_caller.ts";
import type { Verdicts } from "./known_dialects.ts";

/** A lane for one call alone. */
export interface Lease {
  readonly lane: Promise<Lane>;
  release(): void;
}

/** The lanes of one upstream. */
export interface Lanes {
  /** The key of the lane that would serve a caller now. */
  keyOf(caller: Caller): LaneKey;
  /** The caller's lane when it is up. */
  running(caller: Caller): Lane | undefined;
  /** Whether the caller's lane is up or starting. */
  has(caller: Caller): boolean;
  /** The caller's lane, started when there is none. Rejects with a GatewayError. */
  get(caller: Caller): Promise<Lane>;
  /** The same for a call, which waits for its turn to start no longer than a start may take. */
  forCall(caller: Caller): Promise<Lane>;
  /** Resolves when the start of the caller's lane has left the queue, or at once where there is none. */
  begun(caller: Caller): Promise<void>;
  /** A lane on which no other call may be asked something. Throws `overloaded` when all are taken. */
  lease(caller: Caller): Lease;
  /** Whether a scope has ended, as far as that is remembered. */
  hasEnded(scope: string): boolean;
  /** The lanes that are up and serve a scope. */
  serving(scope: string): Lane[];
  /** A lane that is up, by its key. */
  of(key: LaneKey): Lane | undefined;
  endScope(scope: string): void;
  /** Stops what a scope that has ended had started for more than itself. */
  releaseEnded(scope: string): void;
  /** Ends the lane of a trial; resolves when nothing of it is left. */
  stopTrial(): Promise<void>;
  counts(): { readonly starting: number; readonly running: number };
  /** Ends all of them; resolves when nothing of them is left. */
  close(): Promise<void>;
}

interface Slot extends EvictableLane {
  key: LaneKey;
  lane: Lane | undefined;
  readonly abandon: AbortController;
  readonly begun: PromiseWithResolvers<void>;
  started: Promise<Lane>;
}

/** What lanes are made of. */
export interface LanesOptions {
  readonly config: LaneServerConfig;
  readonly deps: UpstreamDeps;
  readonly connector: Connector;
  readonly verdicts: Verdicts;
  readonly supervisors: Supervisors;
  /** Where lanes take their places: processes have a common ceiling. */
  readonly budget: LaneBudget;
  readonly hooks: LanesHooks;
}

/** Makes the lanes of a server; none is started yet. */
export function createLanes(options: LanesOptions): Lanes {
  const { config, deps, connector, verdicts, supervisors, hooks } = options;
  const slots = new Map<string, Slot>();
  const leases = createLeases(config.name, deps);
  const leaving = new Set<Promise<unknown>>();
  const ended = new Set<string>();
  let trialGone: Promise<void> | undefined;
  let closed = false;

  const keyOf = (caller: Caller, number = 0, manner = verdicts.of(caller)[0]): LaneKey =>
    laneKeyOf(config, caller, number, manner);

  const unavailable = (why: string) => startError(config.name, why);
  const refusal = (slot: Slot, caller: Caller): GatewayError | undefined =>
    closed || slot.abandon.signal.aborted
      ? unavailable("it is being stopped")
      : supervisors.of(verdicts.of(caller)[0]).refusal(slot.key.scope);

  const drop = (slot: Slot): void => {
    if (slots.get(slot.key.id) === slot) slots.delete(slot.key.id);
    hooks.changed();
  };
  /** The server speaks in another manner than was thought: the slot takes its right place. */
  const settle = (slot: Slot, lane: Lane, caller: Caller, number: number): void => {
    const right = keyOf(caller, number, lane.manner);
    if (right.id === slot.key.id) return;
    // It serves all, and goes on.
    if (slot.key.scope === trialScope) trialGone = undefined;
    drop(slot);
    slot.key = right;
    const other = slots.get(right.id);
    if (other === undefined) slots.set(right.id, slot);
    else void lane.stop();
  };

  const launch = async (slot: Slot, caller: Caller, number: number, place: LanePlace) => {
    const manners = verdicts.of(caller);
    const judge = supervisors.of(manners[0]);
    const attempt = judge.begin(slot.key.scope);
    const gone = Promise.withResolvers<void>();
    leaving.add(gone.promise);
    if (slot.key.scope === trialScope) trialGone = gone.promise;
    const outcome = await startLane({
      config,
      deps,
      connector,
      manners,
      isTrial: caller.scope === trialScope,
      attribution: attributionOf(config, caller),
      ...introductionOf(config, caller),
      hooks: {
        notice: (notice) => hooks.notice(slot.key, notice),
        ask: (question, signal) => hooks.ask(slot.key, question, signal),
        renewed() {
          if (slot.lane !== undefined) hooks.renewed(slot.key, slot.lane);
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
      if ("lane" in outcome) void outcome.lane.stop();
      throw unavailable("it is being stopped");
    }
    if ("lane" in outcome) {
      const { lane } = outcome;
      // One that it only kept silent about counts too: else the next call would look for its lane there.
      const passedOver = manners.slice(0, manners.indexOf(lane.manner));
      for (const manner of [...refused, ...passedOver]) verdicts.refused(manner);
      attempt.succeeded();
      verdicts.accepted(lane.manner);
      slot.lane = lane;
      settle(slot, lane, caller, number);
      hooks.changed();
      if (!ended.has(caller.scope)) hooks.ready(slot.key, lane, caller);
      return lane;
    }
    // It speaks in none of the manners that were thought likely: another server is in its place.
    if (manners.every((manner) => refused.includes(manner))) verdicts.forget();
    attempt.failed(outcome.fault);
    throw judge.refusal(slot.key.scope) ?? unavailable(outcome.fault.reason);
  };

  const start = async (slot: Slot, caller: Caller, number: number): Promise<Lane> => {
    try {
      const refused = refusal(slot, caller);
      if (refused !== undefined) throw refused;
      await hooks.clear(slot.key);
      const place = await options.budget.acquire(slot, slot.abandon.signal);
      slot.begun.resolve();
      try {
        // Much may have happened while it waited for its place.
        const late = refusal(slot, caller);
        const known = slots.get(keyOf(caller, number).id) ?? slot;
        if (late === undefined && known === slot) return await launch(slot, caller, number, place);
        place.release();
        if (late !== undefined) throw late;
        // Others have found out how the server speaks, and that this caller has a lane already.
        drop(slot);
        return await known.started;
      } finally {
        // Only after those who wait for the lane: until they use it, it looks idle to the next.
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
    if (slot.lane === undefined) return;
    const stopped: Promise<unknown> = slot.lane.stop().finally(() => leaving.delete(stopped));
    leaving.add(stopped);
  };

  const openSlot = (key: LaneKey, caller: Caller, number: number): Slot => {
    const slot: Slot = {
      key,
      lane: undefined,
      abandon: new AbortController(),
      begun: Promise.withResolvers(),
      started: new Promise(() => {}),
      idleSince: () => slot.lane?.idleSince(),
      evict: () => void slot.lane?.stop(),
    };
    slots.set(key.id, slot);
    hooks.changed();
    slot.started = start(slot, caller, number);
    // Each caller that waits gets the failure; without one it must not end the process.
    slot.started.catch(() => {});
    return slot;
  };

  const get = async (caller: Caller, number = 0): Promise<Lane> => {
    for (;;) {
      if (ended.has(caller.scope)) throw unavailable("its session ended");
      const key = keyOf(caller, number);
      const slot = slots.get(key.id) ?? openSlot(key, caller, number);
      const lane = await slot.started;
      // The server may have turned out to speak in a manner in which this lane is another scope's.
      const right = keyOf(caller, number, lane.manner).id;
      const holder = slots.get(right);
      if (slot.key.id === right && (holder === undefined || holder === slot)) return lane;
    }
  };

  const forCall = async (caller: Caller, number = 0): Promise<Lane> => {
    const lane = get(caller, number);
    const begun = slots.get(keyOf(caller, number).id)?.begun.promise;
    const late = () => queuedError(config);
    await within(deps.clock, config.startTimeoutMs, Promise.race([begun, lane]), late);
    return await lane;
  };

  const lease = (caller: Caller): Lease => {
    const { number, release } = leases.take(caller.scope, (one) => {
      const slot = slots.get(keyOf(caller, one).id);
      return slot === undefined ? "none" : slot.lane?.isDoubtful() ? "doubtful" : "clear";
    });
    return { lane: forCall(caller, number), release };
  };

  return {
    keyOf: (caller) => keyOf(caller),
    running: (caller) => slots.get(keyOf(caller).id)?.lane,
    has: (caller) => slots.has(keyOf(caller).id),
    get: (caller) => get(caller),
    forCall: (caller) => forCall(caller),
    begun: (caller) => slots.get(keyOf(caller).id)?.begun.promise ?? Promise.resolve(),
    lease,
    hasEnded: (scope) => ended.has(scope),
    serving: (scope) =>
      [...slots.values()].flatMap(({ key, lane }) =>
        lane !== undefined && (key.scope ?? scope) === scope ? [lane] : []
      ),
    of: (key) => slots.get(key.id)?.lane,
    endScope(scope) {
      const [oldest = scope] = ended.add(scope);
      if (ended.size > deps.limits.endedScopesMax) ended.delete(oldest);
      for (const slot of [...slots.values()]) {
        if (slot.key.scope === scope) {
          if (!slot.key.isBase || !hooks.outlives(scope)) stopSlot(slot);
        } else if (slot.key.scope === undefined) slot.lane?.endScope(scope);
      }
    },
    releaseEnded(scope) {
      if (!ended.has(scope)) return;
      [...slots.values()].filter(({ key }) => key.scope === scope).forEach(stopSlot);
    },
    async stopTrial() {
      for (const { key, lane } of slots.values()) if (key.scope === trialScope) void lane?.stop();
      await trialGone;
    },
    counts() {
      const running = [...slots.values()].filter((slot) => slot.lane !== undefined).length;
      return { starting: slots.size - running, running };
    },
    async close() {
      closed = true;
      for (const slot of [...slots.values()]) stopSlot(slot);
      await Promise.all(leaving);
    },
  };
}
