/**
 * Which lane serves which scope, and starting one when there is none: the supervisor allows it, the
 * budget gives it a place, `startLane` does it. A scope has at most one lane at a time; a lane that
 * leaves makes room for the next call's at once, while it is still being stopped.
 */
import type { StdioServerConfig } from "../config/config.ts";
import { GatewayError } from "../errors.ts";
import type { Answer, Caller, Notice } from "../model.ts";
import type { WireMessage } from "../protocol/codec.ts";
import type { EvictableLane, LanePlace, UpstreamDeps } from "./deps.ts";
import { type Lane, startLane } from "./lane.ts";
import { declaredCapabilities } from "./negotiate.ts";
import type { Supervisor } from "./supervisor.ts";

/** The key of the lane that serves all scopes. */
export const sharedKey = "";

/** Who hears the lanes of one upstream; `key` is the lane's scope or `sharedKey`. */
export interface LanesHooks {
  /** A lane is up; called before any call is made on it. */
  ready(key: string, lane: Lane, caller: Caller): void;
  notice(key: string, notice: Notice): boolean;
  ask(key: string, question: WireMessage, signal: AbortSignal): Promise<Answer>;
  /** A lane ended that nobody wanted to end. */
  died(key: string, reason: string): void;
}

/** The lanes of one upstream. */
export interface Lanes {
  /** The lane's key for a scope. */
  keyOf(scope: string): string;
  /** The scope's lane when it is up. */
  running(scope: string): Lane | undefined;
  /** Whether the scope's lane is up or starting. */
  has(scope: string): boolean;
  /** The scope's lane, started when there is none. Rejects with a GatewayError. */
  get(caller: Caller): Promise<Lane>;
  endScope(scope: string): void;
  counts(): { readonly starting: number; readonly running: number };
  /** Ends all of them; resolves when nothing of them is left. */
  close(): Promise<void>;
}

interface Slot extends EvictableLane {
  lane: Lane | undefined;
  readonly abandon: AbortController;
  started: Promise<Lane>;
}

/** Makes the lanes of a server; none is started yet. */
export function createLanes(
  config: StdioServerConfig,
  deps: UpstreamDeps,
  supervisor: Supervisor,
  hooks: LanesHooks,
): Lanes {
  const slots = new Map<string, Slot>();
  const leaving = new Set<Promise<unknown>>();
  const ended = new Set<string>();
  let closed = false;
  const keyOf = (scope: string) => config.isolation === "shared" ? sharedKey : scope;

  const unavailable = (why: string) =>
    new GatewayError("upstream_unavailable", `Cannot start server "${config.name}": ${why}`, {
      data: { server: config.name },
    });
  const refusal = (slot: Slot): GatewayError | undefined =>
    closed || slot.abandon.signal.aborted
      ? unavailable("it is being stopped")
      : supervisor.refusal();

  const drop = (key: string, slot: Slot): void => {
    if (slots.get(key) === slot) slots.delete(key);
  };

  const launch = async (
    key: string,
    slot: Slot,
    caller: Caller,
    place: LanePlace,
  ): Promise<Lane> => {
    const attempt = supervisor.begin();
    const gone = Promise.withResolvers<void>();
    leaving.add(gone.promise);
    const outcome = await startLane({
      config,
      deps,
      capabilities: declaredCapabilities(config, caller),
      hooks: {
        notice: (notice) => hooks.notice(key, notice),
        ask: (question, signal) => hooks.ask(key, question, signal),
        left(died) {
          drop(key, slot);
          attempt.ended(died);
          if (died !== undefined) hooks.died(key, died);
        },
        gone() {
          place.release();
          leaving.delete(gone.promise);
          gone.resolve();
        },
      },
    }, slot.abandon.signal);
    if ("lane" in outcome) {
      attempt.succeeded();
      slot.lane = outcome.lane;
      hooks.ready(key, outcome.lane, caller);
      return outcome.lane;
    }
    if (slot.abandon.signal.aborted) throw unavailable("it is being stopped");
    attempt.failed(outcome.fault.reason, outcome.fault.permanent);
    throw supervisor.refusal() ?? unavailable(outcome.fault.reason);
  };

  const start = async (key: string, slot: Slot, caller: Caller): Promise<Lane> => {
    try {
      const refused = refusal(slot);
      if (refused !== undefined) throw refused;
      const place = await deps.budget.acquire(slot, slot.abandon.signal);
      try {
        // Much may have happened while it waited for its place.
        const late = refusal(slot);
        if (late !== undefined) {
          place.release();
          throw late;
        }
        return await launch(key, slot, caller, place);
      } finally {
        // Only after those who wait for the lane: until they use it, it looks idle to the next.
        deps.clock.after(0, place.started);
      }
    } catch (thrown) {
      drop(key, slot);
      throw thrown;
    }
  };

  const stopSlot = (key: string, slot: Slot): void => {
    drop(key, slot);
    slot.abandon.abort();
    if (slot.lane === undefined) return;
    const stopped: Promise<unknown> = slot.lane.stop().finally(() => leaving.delete(stopped));
    leaving.add(stopped);
  };

  return {
    keyOf,
    running: (scope) => slots.get(keyOf(scope))?.lane,
    has: (scope) => slots.has(keyOf(scope)),
    get(caller) {
      const key = keyOf(caller.scope);
      const existing = slots.get(key);
      if (existing !== undefined) return existing.started;
      if (ended.has(caller.scope)) return Promise.reject(unavailable("its session ended"));
      const slot: Slot = {
        lane: undefined,
        abandon: new AbortController(),
        started: Promise.reject(unavailable("it was not tried yet")),
        idleSince: () => slot.lane?.idleSince(),
        evict: () => void slot.lane?.stop(),
      };
      slot.started.catch(() => {});
      slots.set(key, slot);
      slot.started = start(key, slot, caller);
      // Whoever waits hears of a failure; when nobody does it must not end the process.
      slot.started.catch(() => {});
      return slot.started;
    },
    endScope(scope) {
      ended.add(scope);
      for (const oldest of ended) {
        if (ended.size <= deps.limits.endedScopesMax) break;
        ended.delete(oldest);
      }
      const slot = slots.get(keyOf(scope));
      if (slot === undefined) return;
      if (config.isolation === "shared") slot.lane?.endScope(scope);
      else stopSlot(scope, slot);
    },
    counts() {
      const running = [...slots.values()].filter((slot) => slot.lane !== undefined).length;
      return { starting: slots.size - running, running };
    },
    async close() {
      closed = true;
      for (const [key, slot] of [...slots]) stopSlot(key, slot);
      await Promise.all(leaving);
    },
  };
}
