/** A run's results as lines of text. */
import { formatRange, formatValue, measureTitles } from "./figures.ts";
import {
  type ColumnResult,
  isReached,
  type Reached,
  type RowResult,
  type Spread,
} from "./results.ts";

const bytesPerMegabyte = 1024 * 1024;

/** `2.10 (1.98–2.31)`. */
export const formatSpread = ({ median, lowest, highest }: Spread): string =>
  `${median.toFixed(2)} (${lowest.toFixed(2)}–${highest.toFixed(2)})`;

/** Memory in whole megabytes. */
export const formatMegabytes = (bytes: number): string =>
  `${(bytes / bytesPerMegabyte).toFixed(0)} MB`;

/** CPU microseconds. */
export const formatUs = (us: number): string => `${us.toFixed(us < 100 ? 1 : 0)} µs`;
const formatMs = (ms: number) => ms.toFixed(ms < 10 ? 2 : 1);

function columnLine(column: ColumnResult, width: number): string {
  const { name, cpuUs, p50Ms, p90Ms, p99Ms, residentBytes, units, timesBare } = column;
  return [
    `  ${name.padEnd(width)}`,
    formatUs(cpuUs).padStart(9),
    `p50 ${formatMs(p50Ms)}, p90 ${formatMs(p90Ms)}, p99 ${formatMs(p99Ms)} ms`.padEnd(34),
    formatMegabytes(residentBytes).padStart(7),
    `${units}`.padStart(7),
    ...(timesBare === undefined ? [] : [`${formatSpread(timesBare)} x bare`]),
  ].join("  ");
}

/** `CPU, times bare: 2.10 × (1.98–2.31), figure 1.60 ×: missed`. */
export function formatReached(reached: Reached): string {
  const { measure, value, figure } = reached;
  const text = `${measureTitles[measure].title}: ${formatRange(measure, value)}`;
  if (figure === undefined) return text;
  const verdict = isReached(reached) ? "reached" : "missed";
  return `${text}, figure ${formatValue(measure, figure)}: ${verdict}`;
}

/** A row's lines: each target's figures, each value beside its figure, and the other commit. */
export function reportRow(row: RowResult): string {
  const { name, title, unit, columns, reached, beside = [], timesOther } = row;
  const width = Math.max(...columns.map((column) => column.name.length));
  return [
    `${name}: ${title}${unit === undefined ? "" : `; per ${unit}`}`,
    ...columns.map((column) => columnLine(column, width)),
    ...reached.map((one) => `  ${formatReached(one)}`),
    ...beside.flatMap((side) => [
      `  ${side.name}:`,
      ...side.values.map(({ measure, value }) => `    ${formatReached({ measure, value })}`),
    ]),
    ...(timesOther === undefined
      ? []
      : [`  this tree / the other commit: ${formatSpread(timesOther)}`]),
    "",
  ].join("\n");
}

/** The values that have a figure, one a line; and how many are within it. */
export function reportFigures(rows: readonly RowResult[]): string {
  const lines = rows.flatMap(({ name, reached }) =>
    reached.filter(({ figure }) => figure !== undefined)
      .map((one) => ({ text: `${name}  ${formatReached(one)}`, ok: isReached(one) }))
  );
  if (lines.length === 0) return "";
  const count = lines.filter(({ ok }) => ok).length;
  return [...lines.map(({ text }) => text), `${count} of ${lines.length} figures reached`]
    .join("\n");
}

/** What is worse than the other commit by more than allowed, in one line; undefined: nothing. */
export function reportWorse(rows: readonly RowResult[], failAbove: number): string | undefined {
  const worse = rows.flatMap(({ name, timesOther }) =>
    timesOther === undefined || timesOther.median <= failAbove
      ? []
      : [`${name} ${formatSpread(timesOther)}`]
  );
  return worse.length === 0 ? undefined : `Above ${failAbove.toFixed(2)}: ${worse.join(", ")}`;
}
