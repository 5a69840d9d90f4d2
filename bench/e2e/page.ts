/** The page docs/benchmarks.md, from the results of a run on each runtime. */
import { titles } from "../../test/support/runtimes.ts";
import { chartPath } from "./draw_chart.ts";
import { formatRange, formatValue, measureTitles } from "./figures.ts";
import { peers } from "./peers.ts";
import { formatMegabytes, formatUs } from "./report.ts";
import {
  type ColumnResult,
  isReached,
  type Reached,
  type RowResult,
  type RunResult,
} from "./results.ts";

const missing = "–";

/** One line of a table. */
const toLine = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;

function toTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [toLine(head), toLine(head.map(() => "---")), ...rows.map(toLine)].join("\n");
}

/** The rows of all runs, each once, in the order in which they were measured. */
function rowsOf(runs: readonly RunResult[]): RowResult[] {
  const rows = new Map<string, RowResult>();
  for (const row of runs.flatMap((run) => run.rows)) {
    if (!rows.has(row.name)) rows.set(row.name, row);
  }
  return [...rows.values()];
}

const rowIn = (run: RunResult, name: string) => run.rows.find((row) => row.name === name);

/** The scenarios that README shows, by their CPU time. */
const shortRows = ["echo_64", "large_text"];

/** The two rows that README has, too. */
export function shortTable(runs: readonly RunResult[]): string {
  const rows = rowsOf(runs).filter(({ name }) => shortRows.includes(name));
  const valueOf = (run: RunResult, name: string) => {
    const found = rowIn(run, name)?.reached.find(({ measure }) => measure === "cpu");
    return found === undefined ? missing : formatValue("cpu", found.value.median);
  };
  return toTable(
    [
      "CPU time for each call, relative to a bare proxy",
      ...runs.map(({ runtime }) => titles[runtime]),
    ],
    rows.map(({ name, title }) => [title, ...runs.map((run) => valueOf(run, name))]),
  );
}

function valueCell(reached: Reached | undefined): string {
  if (reached === undefined) return missing;
  const range = formatRange(reached.measure, reached.value);
  return isReached(reached) === false ? `${range}, **missed**` : range;
}

const figureCell = (reached: Reached | undefined): string =>
  reached?.figure === undefined ? missing : `≤ ${formatValue(reached.measure, reached.figure)}`;

/** The values of a row that have a figure; without any, the one that tells most. */
function shownOf({ reached, columns }: RowResult): readonly Reached[] {
  const withFigure = reached.filter(({ figure }) => figure !== undefined);
  if (columns.length === 0) return reached;
  if (withFigure.length > 0) return withFigure;
  const best = reached.find(({ measure }) => measure === "echoes") ??
    reached.find(({ measure }) => measure === "cpu");
  return best === undefined ? [] : [best];
}

/** Each value of the gateway next to its figure. */
function figureTable(runs: readonly RunResult[]): string {
  const lines = rowsOf(runs).flatMap((row) =>
    shownOf(row).map(({ measure }) => {
      const cells = runs.flatMap((run) => {
        const found = rowIn(run, row.name)?.reached.find((one) => one.measure === measure);
        return [valueCell(found), figureCell(found)];
      });
      return [row.title, measureTitles[measure].title, ...cells];
    })
  );
  const heads = runs.flatMap(({ runtime }) => [titles[runtime], "to reach"]);
  return toTable(["Scenario", "What is compared", ...heads], lines);
}

const columnIn = (row: RowResult | undefined, name: string): ColumnResult | undefined =>
  row?.columns.find((column) => column.name === name);

/** CPU time and latency of the bare proxy and the gateway. */
function costTable(runs: readonly RunResult[]): string {
  const cells = (column: ColumnResult | undefined) =>
    column === undefined ? [missing, missing] : [
      formatUs(column.cpuUs),
      `${column.p50Ms.toFixed(2)} / ${column.p99Ms.toFixed(1)} ms`,
    ];
  const sides = ["bare", "gateway"];
  const lines = rowsOf(runs).filter(({ columns }) => columns.length > 0).map((row) => [
    `${row.title}; per ${row.unit}`,
    ...runs.flatMap((run) => sides.flatMap((side) => cells(columnIn(rowIn(run, row.name), side)))),
  ]);
  const heads = runs.flatMap(({ runtime }) =>
    sides.flatMap((side) => [`${titles[runtime]}, ${side}`, "p50 / p99"])
  );
  return toTable(["Scenario", ...heads], lines);
}

function peerSection(runs: readonly RunResult[]): string {
  const run = runs.find((one) => one.peers.length > 0);
  if (run === undefined) return "";
  const asked = peers.filter(({ name }) => run.peers.includes(name));
  const rows = run.rows.filter(({ columns }) =>
    columns.some(({ name }) => run.peers.includes(name))
  );
  const runtime = titles[run.runtime];
  const sides = [
    { name: "bare", label: `the bare proxy on ${runtime}`, mode: "one server process" },
    { name: "gateway", label: `this gateway on ${runtime}`, mode: "one server process" },
    ...asked.map(({ name, version, mode }) => ({ name, label: `${name} ${version}`, mode })),
  ].filter(({ name }) => rows.some((row) => columnIn(row, name) !== undefined));
  const absent = asked.filter(({ name }) => !sides.some((side) => side.name === name));
  const cell = (column: ColumnResult | undefined) =>
    column === undefined
      ? missing
      : `${formatUs(column.cpuUs)}, ${formatMegabytes(column.residentBytes)}` +
        (column.timesBare === undefined ? "" : ` (${column.timesBare.median.toFixed(1)} ×)`);
  const table = toTable(
    ["Program", "Set up as", ...rows.map(({ title }) => title)],
    sides.map(({ name, label, mode }) => [
      label,
      mode,
      ...rows.map((row) => cell(columnIn(row, name))),
    ]),
  );
  return [
    "## Next to other programs",
    "From the same run as the gateway's values above: CPU time of the program's own process for " +
    "each call, its resident memory, and the CPU time relative to the bare proxy's. The programs " +
    "differ in what they check and offer; this table compares only the cost of a call.",
    table,
    ...absent.map(({ name, source }) =>
      `Not in this run: ${name} (\`${source}\`), which could not be installed or started.`
    ),
  ].join("\n\n");
}

const chartTitle = "CPU time for each call in times of a bare proxy's, as bars for each runtime";

/** The page. */
export function toPage(runs: readonly RunResult[], command: string): string {
  const [first] = runs;
  const verdicts = runs.map(({ runtime, rows }) => {
    const all = rows.flatMap(({ reached }) => reached).map(isReached)
      .filter((verdict) => verdict !== undefined);
    return `${all.filter((ok) => ok).length} of ${all.length} on ${titles[runtime]}`;
  });
  return [
    "# Benchmarks",
    "The reference is a _bare proxy_: a program of one file (`bench/support/bare_proxy.ts`) that " +
    "rewrites ids between HTTP and the same servers, without sessions, checks or timeouts. The " +
    "gateway and the bare proxy run at the same time on the same runtime and core, and short " +
    "loads alternate between them. A value is the CPU time of the gateway's own process for each call, " +
    "divided by the bare proxy's in the same round. The load generator checks every answer " +
    "against its request. The gateway is started directly and runs with all checks, with " +
    "`isolation: shared` and the fast listener unless a row says otherwise.",
    shortTable(runs),
    `![${chartTitle}](${chartPath})`,
    [
      `- Date: ${first?.date}; commit ${first?.revision}`,
      `- Machine: ${first?.machine}; before the runs: ${runs.map(({ load }) => load).join(", ")}`,
      `- Runtimes: ${runs.map(({ versions }) => versions).join(", ")}`,
      `- Measured: ${first?.how}`,
    ].join("\n"),
    "## Figures to reach",
    "Each value is the median of the rounds, with the lowest and the highest in parentheses. An " +
    "_echo_ is a plain call of the same gateway in the same rounds; rows about another way to " +
    "the same answer are counted in echoes. " +
    `Reached: ${verdicts.join(", ")}.`,
    figureTable(runs),
    "## CPU time and latency",
    "Values are for each unit that the row names. Many calls share one core, so latency here is " +
    "mostly the time that calls wait for each other.",
    costTable(runs),
    peerSection(runs),
    "## How to repeat it",
    "On Linux, with Bun, Deno and Node on `PATH`. The command measures on each runtime, one after " +
    "the other, and writes this page, its chart and the two rows in README:",
    `\`\`\`sh\n${command}\n\`\`\``,
    "One runtime, some scenarios, or the difference to another commit:",
    "```sh\nbun bench e2e --only=echo_64,large_text\n" +
    "deno task bench e2e --only=handshake --against=HEAD~10\n```",
    "CI runs the short form (`bun bench e2e --short`). It measures five scenarios next to the " +
    "commit that the change started from. It warns above 1.25 × that commit's CPU time. It fails above " +
    "1.6 ×, or above twice a figure to reach, if a second measurement confirms it. `bun bench` " +
    "measures single parts of the gateway.",
  ].filter((part) => part !== "").join("\n\n") + "\n";
}

/** README with the rows of the short table in the place of its own. */
export function withShortRows(readme: string, runs: readonly RunResult[]): string {
  const rows = shortTable(runs).split("\n").slice(2);
  const firstCell = (line: string) => line.split("|")[1]?.trim() ?? "";
  return readme.split("\n").map((line) =>
    line.startsWith("|") ? rows.find((row) => firstCell(row) === firstCell(line)) ?? line : line
  ).join("\n");
}
