/** Writes the chart next to the page that it is drawn from. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { drawChart, readChart } from "./chart.ts";

/** Where the chart is, from the folder of the page. */
export const chartPath = "pictures/benchmarks.svg";

/** Writes it; returns its path. */
export function writeChart(page: string): string {
  const path = join(dirname(page), chartPath);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, drawChart(readChart(readFileSync(page, "utf8"))));
  return path;
}
