/** The page of the benchmarks: made from the results alone, and the same as what README says. */
import type { RuntimeName } from "../support/runtimes.ts";
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { drawChart, readChart } from "../../bench/e2e/chart.ts";
import { chartPath } from "../../bench/e2e/draw_chart.ts";
import { toPage, withShortRows } from "../../bench/e2e/page.ts";
import { type RunResult, spreadOf, toReached } from "../../bench/e2e/results.ts";
import { projectDirectory } from "../support/spawn_gateway.ts";

const column = (name: string, cpuUs: number) => ({
  name,
  cpuUs,
  p50Ms: 1,
  p90Ms: 2,
  p99Ms: 3,
  residentBytes: 50 * 1024 * 1024,
  units: 100,
  ...(name !== "bare" && { timesBare: spreadOf([cpuUs / 10]) }),
});

const runOn = (runtime: RuntimeName, times: number, peers: string[] = []): RunResult => ({
  runtime,
  versions: `${runtime} 1`,
  machine: "a machine",
  load: "load average 0.1",
  revision: "abc1234",
  date: "2026-11-28",
  how: "5 rounds",
  peers,
  rows: [{
    name: "echo_64",
    title: "64 sessions",
    unit: "call",
    columns: [
      column("bare", 10),
      column("gateway", 10 * times),
      ...(peers.includes("mcp-hub") ? [column("mcp-hub", 150)] : []),
    ],
    reached: [toReached("echo_64", "cpu", spreadOf([times]), runtime)],
  }, {
    name: "start",
    title: "the start",
    columns: [],
    reached: [toReached("start", "start", spreadOf([200.4]), runtime)],
  }],
});

const runs = [runOn("bun", 1.5, ["mcp-hub", "tbxark"]), runOn("deno", 2)];
const page = toPage(runs, "bun bench e2e --write=docs/benchmarks.md");

describe("the page", () => {
  test("has each value of both runtimes next to its figure", () => {
    expect(page).toContain(
      "| 64 sessions | CPU, times bare | 1.50 × (1.50–1.50) | ≤ 1.60 × " +
        "| 2.00 × (2.00–2.00), **missed** | ≤ 1.75 × |",
    );
    expect(page).toContain("| the start | start to first answer | 200 ms (200–200) | – | 200 ms");
    expect(page).toContain("Reached: 1 of 1 on Bun, 0 of 1 on Deno.");
  });

  test("says when, where and with what it was measured", () => {
    for (
      const text of [
        "2026-11-28",
        "abc1234",
        "a machine",
        "load average 0.1",
        "bun 1, deno 1",
        "5 rounds",
      ]
    ) {
      expect(page).toContain(text);
    }
    expect(page).toContain("```sh\nbun bench e2e --write=docs/benchmarks.md\n```");
  });

  test("has the peers of the one run, and names those that are missing", () => {
    expect(page).toMatch(/\| mcp-hub [\d.]+ \| HTTP\+SSE.* \| 150 µs, 50 MB \(15\.0 ×\) \|/);
    expect(page).toMatch(/Not in this run: tbxark .* could not be installed or started/);
  });
});

test("README gets the values of its rows, and nothing else changes", () => {
  const readme = "# A\n\n| x | Bun |\n| --- | --- |\n| 64 sessions   | 9 × |\n| other | 9 × |\n";
  expect(withShortRows(readme, runs)).toBe(
    "# A\n\n| x | Bun |\n| --- | --- |\n| 64 sessions | 1.50 × | 2.00 × |\n| other | 9 × |\n",
  );
});

/** The rows of a document's table of CPU times, cell by cell. */
function shortRowsOf(path: string): string[][] {
  const lines = readFileSync(join(projectDirectory, path), "utf8").split("\n");
  const head = lines.findIndex((line) => line.startsWith("| CPU time for each call"));
  const end = lines.findIndex((line, at) => at > head && !line.startsWith("|"));
  return lines.slice(head + 2, end).map((line) => line.split("|").map((cell) => cell.trim()));
}

test("README says what docs/benchmarks.md says", () => {
  const rows = shortRowsOf("docs/benchmarks.md");
  expect(rows).toHaveLength(2);
  expect(shortRowsOf("README.md")).toEqual(rows);
});

describe("the chart", () => {
  const data = readChart(page);
  const drawn = drawChart(data);

  test("has the ratios of the page, with their ranges", () => {
    const bar = (runtime: string, times: number) => ({
      runtime,
      median: times,
      lowest: times,
      highest: times,
    });
    expect(data).toEqual({
      measured: "2026-11-28; commit abc1234",
      groups: [{ title: "64 sessions", bars: [bar("Bun", 1.5), bar("Deno", 2)] }],
    });
  });

  test("is an image with words: a title, what it shows, and each value as text", () => {
    expect(drawn).toMatch(/^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg" [^>]*role="img"/);
    expect(drawn).toContain('<title id="title">CPU time for each call, in times of a bare proxy');
    expect(drawn).toContain(
      '<desc id="desc">64 sessions: Bun 1.50 times, Deno 2.00 times.</desc>',
    );
    expect(drawn).toMatch(/<text [^>]*>Deno 2\.00 ×<\/text>/);
    expect(drawn).toContain("prefers-color-scheme: dark");
    expect(drawn).not.toMatch(/<script|href=|@import|url\(/);
  });

  test("draws a bar twice as long for twice the time", () => {
    const widths = [...drawn.matchAll(/<rect class="of\d" [^>]*width="([\d.]+)" height="14"/g)]
      .map(([, width]) => Number(width));
    expect(widths.length).toBe(2);
    expect((widths[1] ?? 0) / (widths[0] ?? 1)).toBeCloseTo(2 / 1.5, 2);
  });

  test("shows no markup of a title", () => {
    const { groups: [group] } = data;
    const evil = { ...data, groups: [{ title: "<b> & more", bars: group?.bars ?? [] }] };
    expect(drawChart(evil)).toContain("&lt;b&gt; &amp; more</text>");
  });

  test("cannot be drawn from a page without figures", () => {
    expect(() => readChart("# Benchmarks\n")).toThrow("the page has no table of figures");
  });

  test("of the documentation is drawn from the page next to it", () => {
    const file = (path: string) => readFileSync(join(projectDirectory, "docs", path), "utf8");
    expect(file(chartPath)).toBe(drawChart(readChart(file("benchmarks.md"))));
    expect(file("benchmarks.md")).toContain(`](${chartPath})`);
  });
});
