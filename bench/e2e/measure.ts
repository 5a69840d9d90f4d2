/**
 * Measures one scenario on all targets: each is warmed up, then short loads alternate target by
 * target, in an order that changes with each round, so that what else happens on the machine meets
 * all of them alike.
 */
import { residentBytes } from "../../test/support/processes.ts";
import type { Caller } from "./callers.ts";
import type { Closing } from "./closing.ts";
import { type LoadFigures, runLoad } from "./load.ts";
import type { Options } from "./options.ts";
import type { Scenario } from "./scenarios.ts";
import type { Target } from "./targets.ts";

/** A target of the comparison with its column's name. */
export interface NamedTarget {
  readonly name: string;
  readonly target: Target;
  /** Units that it has served since its start. */
  served: number;
}

/** What was measured at one target. */
export interface TargetRounds {
  readonly name: string;
  /** One load for each round, in their order. */
  readonly rounds: readonly LoadFigures[];
  /** Resident memory after the last one. */
  readonly residentBytes: number;
}

/**
 * The order of a round: each begins with another one, and every second one goes backwards, so that
 * none always comes after the same (what a load leaves behind in caches costs the next one).
 */
export function orderOf<T>(items: readonly T[], round: number): T[] {
  const first = (round >> 1) % items.length;
  const turned = [...items.slice(first), ...items.slice(0, first)];
  return round % 2 === 0 ? turned : turned.reverse();
}

async function openCallers(
  { callers: count, open }: Scenario,
  url: string,
  closing: Closing,
): Promise<Caller[]> {
  const callers: Caller[] = [];
  for (let number = 0; number < count; number += 1) {
    callers.push(await closing.open(() => open(url, number), (caller) => caller.close()));
  }
  return callers;
}

/** A target of one scenario. */
interface Measured {
  readonly of: NamedTarget;
  readonly callers: readonly Caller[];
  readonly rounds: LoadFigures[];
}

async function runOn({ of, callers }: Measured, seconds: number): Promise<LoadFigures> {
  const figures = await runLoad(of.target.pid, callers, seconds);
  of.served += figures.latencies.length;
  return figures;
}

/** How much longer than usual a target is warmed up, at most, that has served little since its start. */
const warmFactorMax = 10;

/**
 * Warms all targets up: for some time before each scenario, and until each has served enough, since
 * a runtime's compiler takes a third of the CPU time of the first ten thousand calls.
 */
async function warmUp(
  all: readonly Measured[],
  { seconds, warmSeconds, warmUnits }: Rates,
): Promise<void> {
  const isWarm = ({ of }: Measured, loads: number) =>
    loads * seconds >= (of.served < warmUnits ? warmFactorMax : 1) * warmSeconds;
  for (let loads = 0; !all.every((one) => isWarm(one, loads)); loads += 1) {
    for (const one of orderOf(all, loads)) if (!isWarm(one, loads)) await runOn(one, seconds);
  }
}

/** Those options that say how much is measured. */
export type Rates = Pick<Options, "rounds" | "seconds" | "warmSeconds" | "warmUnits">;

/** Runs all rounds of a scenario; its callers are closed with `closing`. */
export async function measureScenario(
  scenario: Scenario,
  targets: readonly NamedTarget[],
  rates: Rates,
  closing: Closing,
): Promise<TargetRounds[]> {
  const all: Measured[] = [];
  for (const of of targets) {
    const callers = await openCallers(scenario, of.target.url, closing);
    all.push({ of, callers, rounds: [] });
  }
  await warmUp(all, rates);
  for (let round = 0; round < rates.rounds; round += 1) {
    for (const one of orderOf(all, round)) one.rounds.push(await runOn(one, rates.seconds));
  }
  return all.map(({ of, rounds }) => ({
    name: of.name,
    rounds,
    residentBytes: residentBytes(of.target.pid),
  }));
}
