/**
 * The chart of docs/benchmarks.md, as SVG: the CPU time of each scenario in times of the bare proxy's,
 * one bar for each runtime. It is drawn from the page alone, so that the two cannot differ.
 */

/** A value of a runtime: the median of the rounds, and their range. */
export interface ChartBar {
  readonly runtime: string;
  readonly median: number;
  readonly lowest: number;
  readonly highest: number;
}

/** One scenario. */
export interface ChartGroup {
  readonly title: string;
  readonly bars: readonly ChartBar[];
}

/** What the chart shows. */
export interface ChartData {
  /** When it was measured, and of which commit: `2026-11-28; commit f027a24`. */
  readonly measured: string;
  readonly groups: readonly ChartGroup[];
}

/** What the rows are compared by that the chart shows. */
const compared = "CPU, times bare";

const cellsOf = (line: string): string[] => line.split("|").slice(1, -1).map((cell) => cell.trim());

/** Reads the figures out of the page. Throws if it has none. */
export function readChart(page: string): ChartData {
  const lines = page.split("\n");
  const head = lines.findIndex((line) => /^\| Scenario +\| What is compared/.test(line));
  if (head < 0) throw new Error("Cannot draw the chart: the page has no table of figures");
  const end = lines.findIndex((line, at) => at > head && !line.startsWith("|"));
  const [, , ...columns] = cellsOf(lines[head] ?? "");
  const runtimes = columns.filter((_, at) => at % 2 === 0);
  const groups = lines.slice(head + 2, end).map(cellsOf)
    .filter(([, what]) => what === compared)
    .map(([title = "", , ...values]): ChartGroup => ({
      title,
      bars: runtimes.flatMap((runtime, at) => {
        const bar = readBar(runtime, values[2 * at] ?? "");
        return bar === undefined ? [] : [bar];
      }),
    }));
  return { measured: /^- Date: (.+)$/m.exec(page)?.[1] ?? "", groups };
}

/** Such as `1.69 × (1.57–2.19), **missed**`; undefined if it was not measured. */
function readBar(runtime: string, value: string): ChartBar | undefined {
  const [, median, lowest, highest] = /^([\d.]+) × \(([\d.]+)–([\d.]+)\)/.exec(value) ?? [];
  if (median === undefined) return undefined;
  return {
    runtime,
    median: Number(median),
    lowest: Number(lowest),
    highest: Number(highest),
  };
}

const width = 900;
const margin = 24;
const labelWidth = 330;
const plotLeft = margin + labelWidth + 12;
/** Room for the value behind the longest bar. */
const plotRight = width - margin - 96;
const top = 118;
const barHeight = 14;
const barGap = 4;
const groupGap = 16;
const lineHeight = 16;
const lineCharsMax = 50;

/** The drawing. */
export function drawChart({ measured, groups }: ChartData): string {
  const all = groups.flatMap(({ bars }) => bars);
  const most = Math.ceil(Math.max(1, ...all.map(({ highest }) => highest)));
  const toX = (times: number) => plotLeft + (plotRight - plotLeft) * times / most;
  const runtimes = [...new Set(all.map(({ runtime }) => runtime))];
  const parts: string[] = [];
  let y = top;
  for (const group of groups) {
    const { drawn, height } = drawGroup(group, y, toX, runtimes);
    parts.push(drawn);
    y += height + groupGap;
  }
  const bottom = y;
  const height = bottom + 48;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" ` +
    `height="${height}" role="img" aria-labelledby="title desc" font-family="system-ui, ` +
    `-apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif" font-size="13">`,
    `<title id="title">${heading}</title>`,
    `<desc id="desc">${escapeText(describe(groups))}</desc>`,
    `<style>\n${styles}\n</style>`,
    `<rect class="paper" width="${width}" height="${height}" rx="8"/>`,
    text(margin, 36, heading, "strong"),
    text(margin, 56, "Shorter is better. The line on a bar shows the range of the rounds."),
    drawLegend(runtimes),
    drawGrid(most, toX, bottom),
    ...parts,
    text(margin, height - 16, `Measured ${measured}`, "faint"),
    "</svg>",
  ].join("\n") + "\n";
}

const heading = "CPU time for each call, in times of a bare proxy";

/** A colour for each runtime, in light and in dark; all differ in brightness, too. */
const styles = [
  ".paper { fill: #ffffff; stroke: #d0d7de; }",
  "text { fill: #1f2328; }",
  ".strong { font-size: 17px; font-weight: 600; }",
  ".faint { fill: #59636e; }",
  ".grid { stroke: #d8dee4; }",
  ".one { stroke: #1f2328; stroke-dasharray: 4 3; }",
  ".range { stroke: #1f2328; stroke-width: 1.5; }",
  ".value { stroke: #ffffff; stroke-width: 4px; paint-order: stroke; }",
  ".of0 { fill: #c4720c; }",
  ".of1 { fill: #15938a; }",
  ".of2 { fill: #6e56cf; }",
  "@media (prefers-color-scheme: dark) {",
  "  .paper { fill: #0d1117; stroke: #3d444d; }",
  "  text { fill: #f0f6fc; }",
  "  .faint { fill: #9198a1; }",
  "  .grid { stroke: #262c36; }",
  "  .one { stroke: #f0f6fc; }",
  "  .range { stroke: #f0f6fc; }",
  "  .value { stroke: #0d1117; }",
  "  .of0 { fill: #d98c2b; }",
  "  .of1 { fill: #2aa198; }",
  "  .of2 { fill: #9e8cfc; }",
  "}",
].join("\n");

function drawLegend(runtimes: readonly string[]): string {
  return runtimes.map((runtime, at) => {
    const x = margin + at * 80;
    return `<rect class="of${at}" x="${x}" y="72" width="12" height="12" rx="2"/>` +
      text(x + 18, 83, runtime);
  }).join("\n");
}

function drawGrid(most: number, toX: (times: number) => number, bottom: number): string {
  return Array.from({ length: most + 1 }, (_, times) => {
    const x = round(toX(times));
    const line = `<line class="${times === 1 ? "one" : "grid"}" x1="${x}" x2="${x}" ` +
      `y1="${top - 8}" y2="${bottom}"/>`;
    const label = times === 1 ? "1 × (bare proxy)" : `${times} ×`;
    return `${line}\n${text(x, top - 14, label, "faint", "middle")}`;
  }).join("\n");
}

function drawGroup(
  { title, bars }: ChartGroup,
  y: number,
  toX: (times: number) => number,
  runtimes: readonly string[],
): { readonly drawn: string; readonly height: number } {
  const lines = wrap(title);
  const barsHeight = bars.length * (barHeight + barGap) - barGap;
  const height = Math.max(barsHeight, lines.length * lineHeight);
  const firstLine = y + (height - lines.length * lineHeight) / 2 + 12;
  const firstBar = y + (height - barsHeight) / 2;
  const labels = lines.map((line, at) =>
    text(plotLeft - 12, firstLine + at * lineHeight, line, undefined, "end")
  );
  const drawn = bars.map((bar, at) => {
    const from = firstBar + at * (barHeight + barGap);
    return drawBar(bar, from, toX, runtimes.indexOf(bar.runtime));
  });
  return { drawn: [...labels, ...drawn].join("\n"), height };
}

function drawBar(
  { runtime, median, lowest, highest }: ChartBar,
  y: number,
  toX: (times: number) => number,
  colour: number,
): string {
  const middle = round(y + barHeight / 2);
  return [
    `<rect class="of${colour}" x="${plotLeft}" y="${round(y)}" width="${
      round(toX(median) - plotLeft)
    }" height="${barHeight}" rx="2"/>`,
    `<line class="range" x1="${round(toX(lowest))}" x2="${round(toX(highest))}" y1="${middle}" ` +
    `y2="${middle}"/>`,
    text(toX(highest) + 8, y + barHeight - 3, `${runtime} ${median.toFixed(2)} ×`, "value"),
  ].join("\n");
}

/** What the chart says, for those who do not see it. */
function describe(groups: readonly ChartGroup[]): string {
  return groups.map(({ title, bars }) =>
    `${title}: ${
      bars.map(({ runtime, median }) => `${runtime} ${median.toFixed(2)} times`).join(", ")
    }.`
  ).join(" ");
}

function text(x: number, y: number, words: string, kind?: string, anchor?: string): string {
  const marks = (kind === undefined ? "" : ` class="${kind}"`) +
    (anchor === undefined ? "" : ` text-anchor="${anchor}"`);
  return `<text x="${round(x)}" y="${round(y)}"${marks}>${escapeText(words)}</text>`;
}

/** A title in lines of limited length: after its last comma, or else between words. */
function wrap(title: string): string[] {
  if (title.length <= lineCharsMax) return [title];
  const comma = title.lastIndexOf(", ") + 1;
  return [title.slice(0, comma), title.slice(comma).trim()]
    .flatMap((part) => part.length <= lineCharsMax ? [part] : wrapWords(part))
    .filter((line) => line !== "");
}

function wrapWords(title: string): string[] {
  const lines: string[] = [];
  for (const word of title.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + word.length < lineCharsMax) {
      lines[lines.length - 1] = `${last} ${word}`;
    } else lines.push(word);
  }
  return lines;
}

const round = (value: number): number => Math.round(value * 10) / 10;

function escapeText(words: string): string {
  return words.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
