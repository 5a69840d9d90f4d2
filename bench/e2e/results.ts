/**
 * What a run measured, as data: it can be printed, stored as JSON, judged, and written as a page.
 * Values of the gateway are ratios within each round, or plain values where nothing is compared.
 */
import type { RuntimeName } from "../../test/support/runtimes.ts";
import { figureFor, type Measure } from "./figures.ts";
import type { LoadFigures } from "./load.ts";
import type { TargetRounds } from "./measure.ts";

/** A value over several rounds. */
export interface Spread {
  readonly median: number;
  readonly lowest: number;
  readonly highest: number;
}

/** One target's figures in one scenario. */
export interface ColumnResult {
  readonly name: string;
  readonly cpuUs: number;
  readonly p50Ms: number;
  readonly p90Ms: number;
  readonly p99Ms: number;
  readonly residentBytes: number;
  readonly units: number;
  /** CPU time beside the bare proxy's; undefined for that one. */
  readonly timesBare?: Spread;
}

/** A value of the gateway beside the figure that it is to reach. */
export interface Reached {
  readonly measure: Measure;
  readonly value: Spread;
  readonly figure?: number;
}

/** One row of a run. */
export interface RowResult {
  readonly name: string;
  readonly title: string;
  /** What one unit is, if the row counts any. */
  readonly unit?: string;
  readonly columns: readonly ColumnResult[];
  readonly reached: readonly Reached[];
  /** The same values of the other sides, where there are no columns. */
  readonly beside?: readonly { readonly name: string; readonly values: readonly Reached[] }[];
  /** The gateway beside another commit in the same rounds. */
  readonly timesOther?: Spread;
}

/** A whole run. */
export interface RunResult {
  readonly runtime: RuntimeName;
  readonly versions: string;
  readonly machine: string;
  /** How busy the machine was before. */
  readonly load: string;
  readonly revision: string;
  readonly date: string;
  /** How much was measured. */
  readonly how: string;
  /** The programs of other projects that were asked for. */
  readonly peers: readonly string[];
  readonly rows: readonly RowResult[];
}

/** The value that this fraction of the values does not exceed. */
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

const cpuOf = ({ cpuUs }: LoadFigures) => cpuUs;
const p50Of = ({ latencies }: LoadFigures) => percentile(latencies, 0.5);

/** One target's value beside another's, round by round: of CPU time unless said otherwise. */
export function ratioOf(
  one: TargetRounds,
  other: TargetRounds,
  valueOf: (figures: LoadFigures) => number = cpuOf,
): Spread {
  return spreadOf(one.rounds.map((figures, round) => {
    const beside = other.rounds[round];
    return beside === undefined ? Number.NaN : valueOf(figures) / valueOf(beside);
  }));
}

function toColumn(measured: TargetRounds, bare: TargetRounds | undefined): ColumnResult {
  const latencies = measured.rounds.flatMap((round) => round.latencies);
  return {
    name: measured.name,
    cpuUs: spreadOf(measured.rounds.map(cpuOf)).median,
    p50Ms: percentile(latencies, 0.5),
    p90Ms: percentile(latencies, 0.9),
    p99Ms: percentile(latencies, 0.99),
    residentBytes: measured.residentBytes,
    units: latencies.length,
    ...(bare !== undefined && bare !== measured && { timesBare: ratioOf(measured, bare) }),
  };
}

/** The columns of a scenario by their part in its ratios. */
export interface Roles {
  readonly bare: TargetRounds | undefined;
  readonly gateway: TargetRounds | undefined;
  /** The plain echo at the gateway. */
  readonly plain: TargetRounds | undefined;
  /** The gateway of another commit. */
  readonly other: TargetRounds | undefined;
}

/** The values of the gateway that its figures are about. */
function valuesOf({ bare, gateway, plain }: Roles): [Measure, Spread][] {
  if (gateway === undefined) return [];
  return [
    ...(bare === undefined ? [] : [
      ["cpu", ratioOf(gateway, bare)] as [Measure, Spread],
      ["latency", ratioOf(gateway, bare, p50Of)] as [Measure, Spread],
    ]),
    ...(plain === undefined ? [] : [["echoes", ratioOf(gateway, plain)] as [Measure, Spread]]),
  ];
}

/** A value with its figure, if it has one. */
export function toReached(
  row: string,
  measure: Measure,
  value: Spread,
  runtime: RuntimeName,
): Reached {
  const figure = figureFor(row, measure, runtime);
  return { measure, value, ...(figure !== undefined && { figure }) };
}

/** Whether a value is within its figure; undefined when it has none. */
export const isReached = ({ value, figure }: Reached): boolean | undefined =>
  figure === undefined ? undefined : value.median <= figure;

/** From the rounds of a scenario to its row. */
export function toRow(
  { name, title, unit }: { readonly name: string; readonly title: string; readonly unit: string },
  measured: readonly TargetRounds[],
  roles: Roles,
  runtime: RuntimeName,
): RowResult {
  const { bare, gateway, other } = roles;
  return {
    name,
    title,
    unit,
    columns: measured.map((one) => toColumn(one, bare)),
    reached: valuesOf(roles).map(([measure, value]) => toReached(name, measure, value, runtime)),
    ...(gateway !== undefined && other !== undefined &&
      { timesOther: ratioOf(gateway, other) }),
  };
}
