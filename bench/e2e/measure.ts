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

/** Runs all rounds of a scenario; its callers are closed with `closing`. */
export async function measureScenario(
  scenario: Scenario,
  targets: readonly NamedTarget[],
  { rounds, seconds, warmSeconds }: Pick<Options, "rounds" | "seconds" | "warmSeconds">,
  closing: Closing,
): Promise<TargetRounds[]> {
  const open: (NamedTarget & { callers: Caller[]; rounds: LoadFigures[] })[] = [];
  for (const { name, target } of targets) {
    const callers = await openCallers(scenario, target.url, closing);
    open.push({ name, target, callers, rounds: [] });
  }
  for (let warm = 0; warm * seconds < warmSeconds; warm += 1) {
    for (const { target, callers } of orderOf(open, warm)) {
      await runLoad(target.pid, callers, seconds);
    }
  }
  for (let round = 0; round < rounds; round += 1) {
    for (const { target, callers, rounds: done } of orderOf(open, round)) {
      done.push(await runLoad(target.pid, callers, seconds));
    }
  }
  return open.map(({ name, target, rounds: done }) => ({
    name,
    rounds: done,
    residentBytes: residentBytes(target.pid),
  }));
}
