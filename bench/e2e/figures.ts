/** The figures that the gateway is to reach, as rows: a scenario, a measure and a bound. */
import type { RuntimeName } from "../../test/support/runtimes.ts";

/**
 * What a figure is about. `cpu`: CPU time per unit, times the bare proxy's in the same round.
 * `latency`: the median latency, times the bare proxy's. `echoes`: CPU time per unit, times a plain
 * echo's at the gateway in the same round. `idle`, `sessions`, `streams`: resident memory in MB at
 * the start, and how much more with 1,000 sessions, and with 1,000 sessions that have a GET stream.
 * `start`: milliseconds from the start of the program to a tool's first answer.
 */
export type Measure = "cpu" | "latency" | "echoes" | "idle" | "sessions" | "streams" | "start";

/** One row. */
export interface Figure {
  /** The name of a scenario or of a single figure. */
  readonly row: string;
  readonly measure: Measure;
  readonly bun: number;
  readonly deno: number;
  /** Not set yet: Node is measured, and has no bound. */
  readonly node?: number;
}

const both = (figure: number) => ({ bun: figure, deno: figure });
/** What another way to the same echo may cost, in echoes of the plain way. */
const noCliff = both(1.5);
/** What a client that authenticates may cost, in echoes of one that does not. */
const sameAsOpen = both(1.05);
/** What metrics and an audit trail may cost, in echoes of a gateway with neither. */
const telemetry = both(1.05);
/** A remote server has a bare proxy of its own: the figure is the plain echo's, multiplied. */
const remote = { bun: 1.5 * 1.7, deno: 1.5 * 1.8 };

/** The rows. */
export const figures: readonly Figure[] = [
  { row: "echo_64", measure: "cpu", bun: 1.6, deno: 1.75 },
  { row: "echo_16", measure: "cpu", bun: 1.7, deno: 1.8 },
  { row: "echo_1", measure: "latency", bun: 1.4, deno: 1.5 },
  { row: "three_servers_64", measure: "echoes", ...both(1.15) },
  { row: "merged_list", measure: "echoes", ...noCliff },
  { row: "modern_64", measure: "cpu", bun: 1.9, deno: 2 },
  { row: "modern_64", measure: "echoes", ...noCliff },
  { row: "modern_16", measure: "echoes", ...noCliff },
  { row: "sse_16", measure: "echoes", ...noCliff },
  { row: "own_process", measure: "echoes", ...noCliff },
  { row: "remote_16", measure: "cpu", ...remote },
  { row: "key_16", measure: "echoes", ...sameAsOpen },
  { row: "token_16", measure: "echoes", ...sameAsOpen },
  { row: "telemetry_64", measure: "echoes", ...telemetry },
  { row: "large_text", measure: "cpu", bun: 1.35, deno: 1.6 },
  { row: "large_json", measure: "cpu", bun: 3.5, deno: 4 },
  { row: "large_structured", measure: "cpu", bun: 4.5, deno: 5.5 },
  { row: "handshake", measure: "cpu", bun: 3.2, deno: 3.5 },
  { row: "fan_out_1000", measure: "cpu", ...both(1.5) },
  { row: "fan_out_200", measure: "cpu", ...both(1.5) },
  { row: "progress_10", measure: "echoes", ...both(3.5) },
  { row: "memory_1000", measure: "idle", bun: 60, deno: 80 },
  { row: "memory_1000", measure: "sessions", bun: 12, deno: 18 },
];

/** How a value is written. */
interface MeasureTitle {
  readonly title: string;
  readonly digits: number;
  readonly before?: string;
  readonly after: string;
}

const times = { digits: 2, after: " ×" };
const more = { digits: 0, before: "+", after: " MB" };

/** What each measure is called and how it is written. */
export const measureTitles: Readonly<Record<Measure, MeasureTitle>> = {
  cpu: { ...times, title: "CPU, times bare" },
  latency: { ...times, title: "p50 latency, times bare" },
  echoes: { digits: 2, after: " echoes", title: "CPU, in plain echoes" },
  idle: { digits: 0, after: " MB", title: "memory, idle" },
  sessions: { ...more, title: "more with 1,000 sessions" },
  streams: { ...more, title: "more with 1,000 sessions and GET streams" },
  start: { digits: 0, after: " ms", title: "start to first answer" },
};

/** A value with its unit: `1.60 ×`. */
export function formatValue(measure: Measure, value: number): string {
  const { digits, before = "", after } = measureTitles[measure];
  return `${before}${value.toFixed(digits)}${after}`;
}

/** A value with its unit and its range: `1.60 × (1.50–1.75)`. */
export function formatRange(
  measure: Measure,
  { median, lowest, highest }: { median: number; lowest: number; highest: number },
): string {
  const { digits } = measureTitles[measure];
  return `${formatValue(measure, median)} (${lowest.toFixed(digits)}–${highest.toFixed(digits)})`;
}

/** The figure for this measure of a row on one runtime. */
export const figureFor = (
  row: string,
  measure: Measure,
  runtime: RuntimeName,
): number | undefined =>
  figures.find((figure) => figure.row === row && figure.measure === measure)?.[runtime];
