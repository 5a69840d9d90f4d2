/**
 * Whether the engine takes writes: found out by the clock, and at once when a command fails. The log
 * has one line when it stops working and one when it works again, however often it is tried.
 */
import type { Clock } from "../clock.ts";
import type { Limits } from "../limits.ts";
import type { Log } from "../log.ts";
import { reasonOf } from "./redis_fault.ts";

/** Why the engine cannot be used. */
export interface EngineProblem {
  /** Since when, on the monotonic clock. */
  readonly since: number;
  /** The engine's or the system's own words, for the operator. */
  readonly cause: string;
}

/** What a probe is made from. */
export interface EngineProbeOptions {
  readonly clock: Clock;
  readonly limits: Pick<Limits, "engineProbeMs" | "engineProbeAgainMs">;
  readonly log: Log;
  /** The engine, in words. */
  readonly place: string;
  /** Writes something small; rejects if that fails. */
  readonly probe: () => Promise<unknown>;
}

/** Whether the engine works. */
export interface EngineProbe {
  start(): void;
  problem(): EngineProblem | undefined;
  /** A command failed: until a test write succeeds, the engine does not work. */
  suspect(reason: string): void;
  onReturn(listener: () => void): () => void;
  /** Calls these listeners without an outage: what was published may be lost. */
  tellReturn(): void;
  close(): void;
}

/** Makes the probe; nothing is tested before `start`. */
export function createEngineProbe(options: EngineProbeOptions): EngineProbe {
  const { clock, limits, log, place, probe } = options;
  const listeners = new Set<() => void>();
  let problem: EngineProblem | undefined;
  let isClosed = false;
  let cancel = (): void => {};
  const suspect = (cause: string): void => {
    if (isClosed || problem !== undefined) return;
    problem = { since: clock.monotonic(), cause };
    log.error("Cannot use the engine: what needs it is refused until it works", { place, cause });
    lookLater();
  };
  const heal = (): void => {
    if (problem === undefined) return;
    const awayMs = Math.round(clock.monotonic() - problem.since);
    problem = undefined;
    log.info("The engine works again", { place, awayMs });
    tellReturn();
  };
  const tellReturn = (): void => {
    for (const listener of [...listeners]) listener();
  };
  const look = (): void => {
    probe().then(heal, (fault) => suspect(reasonOf(fault))).finally(lookLater);
  };
  const lookLater = (): void => {
    cancel();
    if (isClosed) return;
    const ms = problem === undefined ? limits.engineProbeMs : limits.engineProbeAgainMs;
    cancel = clock.after(ms, look);
  };
  return {
    start: lookLater,
    problem: () => problem,
    suspect,
    tellReturn,
    onReturn(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    close() {
      isClosed = true;
      cancel();
    },
  };
}
