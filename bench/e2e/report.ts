/** From rounds to figures and lines of text: medians, percentiles, and ratios within each round. */
import type { TargetRounds } from "./measure.ts";
import type { Scenario } from "./scenarios.ts";

/** A value over several rounds. */
export interface Spread {
  readonly median: number;
  readonly lowest: number;
  readonly highest: number;
}

const bytesPerMegabyte = 1024 * 1024;

/** The value below which this part of the values is. */
export function percentile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
}

/** Median (of an even number the mean of the middle two), lowest and highest. */
export function spreadOf(values: readonly number[]): Spread {
  const sorted = [...values].sort((one, other) => one - other);
  const at = (index: number) => sorted[index] ?? Number.NaN;
  return {
    median: (at((sorted.length - 1) >> 1) + at(sorted.length >> 1)) / 2,
    lowest: at(0),
    highest: at(sorted.length - 1),
  };
}

/** One target's CPU time beside another's, round by round. */
export function ratioOf(one: TargetRounds, other: TargetRounds): Spread {
  return spreadOf(
    one.rounds.map(({ cpuUs }, round) => cpuUs / (other.rounds[round]?.cpuUs ?? Number.NaN)),
  );
}

/** `2.10 (1.98–2.31)`. */
export const formatSpread = ({ median, lowest, highest }: Spread): string =>
  `${median.toFixed(2)} (${lowest.toFixed(2)}–${highest.toFixed(2)})`;

/** Memory in whole megabytes. */
export const formatMegabytes = (bytes: number): string =>
  `${(bytes / bytesPerMegabyte).toFixed(0)} MB`;

const formatUs = (us: number) => us.toFixed(us < 100 ? 1 : 0);
const formatMs = (ms: number) => ms.toFixed(ms < 10 ? 2 : 1);

function targetLine(measured: TargetRounds, bare: TargetRounds | undefined, width: number): string {
  const latencies = measured.rounds.flatMap((round) => round.latencies);
  const [p50, p90, p99] = [0.5, 0.9, 0.99].map((part) => formatMs(percentile(latencies, part)));
  const cpuUs = spreadOf(measured.rounds.map((round) => round.cpuUs)).median;
  return [
    `  ${measured.name.padEnd(width)}`,
    `${formatUs(cpuUs).padStart(6)} µs`,
    `p50 ${p50}, p90 ${p90}, p99 ${p99} ms`.padEnd(34),
    formatMegabytes(measured.residentBytes).padStart(7),
    `${latencies.length}`.padStart(7),
    ...(bare === undefined || bare === measured
      ? []
      : [`${formatSpread(ratioOf(measured, bare))} x bare`]),
  ].join("  ");
}

/** A scenario's lines: each target's figures, and this tree beside the other commit. */
export function reportScenario(
  { name, title, unit }: Pick<Scenario, "name" | "title" | "unit">,
  measured: readonly TargetRounds[],
): string {
  const [bare, ours, other] = measured;
  const width = Math.max(...measured.map((one) => one.name.length));
  return [
    `${name}: ${title}; per ${unit}`,
    ...measured.map((one) => targetLine(one, bare, width)),
    ...(ours === undefined || other === undefined
      ? []
      : [`  ${ours.name} / ${other.name}: ${formatSpread(ratioOf(ours, other))}`]),
    "",
  ].join("\n");
}

/** What is worse than allowed, in one line; undefined when nothing is. */
export function reportWorse(
  ratios: ReadonlyMap<string, Spread>,
  failAbove: number,
): string | undefined {
  const worse = [...ratios].filter(([, { median }]) => !(median <= failAbove));
  if (worse.length === 0) return undefined;
  const list = worse.map(([name, spread]) => `${name} ${formatSpread(spread)}`).join(", ");
  return `Above ${failAbove.toFixed(2)}: ${list}`;
}
