/**
 * Measures one scenario on all targets: each is warmed up, then short loads alternate target by
 * target, in an order that changes with each round, so that other work on the machine affects all
 * targets alike.
 */
import { residentBytes } from "../../test/support/processes.ts";
import type { Caller } from "./callers.ts";
import type { Closing } from "./closing.ts";
import { type LoadFigures, runLoad } from "./load.ts";
import type { Options } from "./options.ts";
import type { Scenario } from "./scenarios.ts";
import type { Side, Target } from "./targets.ts";
import { warmUnits, type WorkKind } from "./warm_up.ts";

/** A target of the comparison. */
export interface RunningTarget {
  readonly side: Side;
  readonly target: Target;
  /** Units that it has served since its start. */
  readonly served: Map<WorkKind, number>;
}

/** One column of a scenario: who works at which target. */
export interface Column {
  readonly name: string;
  readonly scenario: Scenario;
  readonly at: RunningTarget;
}

/** What was measured in one column. */
export interface TargetRounds {
  readonly name: string;
  /** One load for each round, in their order. */
  readonly rounds: readonly LoadFigures[];
  /** Resident memory after the last one. */
  readonly residentBytes: number;
}

/**
 * The order of targets in a round. Each round begins with another target, and every second round
 * goes backwards, so that no target always follows the same one, whose load fills the caches.
 */
export function orderOf<T>(items: readonly T[], round: number): T[] {
  const first = (round >> 1) % items.length;
  const turned = [...items.slice(first), ...items.slice(0, first)];
  return round % 2 === 0 ? turned : turned.reverse();
}

async function openCallers({ scenario, at }: Column, closing: Closing): Promise<Caller[]> {
  const callers: Caller[] = [];
  const endpoint = at.target.endpoint(scenario.transport);
  for (let number = 0; number < scenario.callers; number += 1) {
    const opening = () => scenario.open(endpoint, number);
    callers.push(await closing.open(opening, (caller) => caller.close()));
  }
  return callers;
}

/** A column with its callers. */
interface Measured {
  readonly column: Column;
  readonly callers: readonly Caller[];
  readonly rounds: LoadFigures[];
}

async function runOn({ column, callers }: Measured, seconds: number): Promise<LoadFigures> {
  const { at: { target, served }, scenario: { warm } } = column;
  const figures = await runLoad(target.pid, callers, seconds);
  served.set(warm, (served.get(warm) ?? 0) + figures.latencies.length);
  return figures;
}

/** Those options that say how much is measured. */
export type Rates = Pick<
  Options,
  "rounds" | "seconds" | "warmSeconds" | "warmSecondsMax" | "warmPart"
>;

/** Warms all targets up: each for some time, and until it has served its count. */
async function warmUp(all: readonly Measured[], rates: Rates): Promise<void> {
  const { seconds, warmSeconds, warmSecondsMax, warmPart } = rates;
  const isWarm = ({ column: { at, scenario: { warm } } }: Measured, loads: number) => {
    const hasServed = (at.served.get(warm) ?? 0) >= warmUnits(warm, at.side.runtime, warmPart);
    return loads * seconds >= (hasServed ? warmSeconds : warmSecondsMax);
  };
  for (let loads = 0; !all.every((one) => isWarm(one, loads)); loads += 1) {
    for (const one of orderOf(all, loads)) if (!isWarm(one, loads)) await runOn(one, seconds);
  }
}

/** Runs all rounds of a scenario; its callers are closed with `closing`. */
export async function measureScenario(
  columns: readonly Column[],
  rates: Rates,
  closing: Closing,
): Promise<TargetRounds[]> {
  const all: Measured[] = [];
  for (const column of columns) {
    all.push({ column, callers: await openCallers(column, closing), rounds: [] });
  }
  await warmUp(all, rates);
  for (let round = 0; round < rates.rounds; round += 1) {
    for (const one of orderOf(all, round)) one.rounds.push(await runOn(one, rates.seconds));
  }
  return all.map(({ column: { name, at }, rounds }) => ({
    name,
    rounds,
    residentBytes: residentBytes(at.target.pid),
  }));
}
