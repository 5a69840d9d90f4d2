/** How often values fall below bounds, and their sum: cheap to add to, and read at scrape time. */
import type { Sample } from "./metric_text.ts";

/** A distribution of values. */
export interface Histogram {
  /** Ascending; the last bucket, without a bound, has what exceeds them all. */
  readonly bounds: readonly number[];
  /** One count for each bound, and the last one. */
  readonly counts: number[];
  sum: number;
}

/** Makes an empty histogram. */
export function createHistogram(bounds: readonly number[]): Histogram {
  return { bounds, counts: new Array<number>(bounds.length + 1).fill(0), sum: 0 };
}

/** Adds a value. */
export function observe(histogram: Histogram, value: number): void {
  const { bounds, counts } = histogram;
  let at = 0;
  while (at < bounds.length && value > (bounds[at] ?? 0)) at += 1;
  counts[at] = (counts[at] ?? 0) + 1;
  histogram.sum += value;
}

/** The samples of a histogram; `labels` are those of each. */
export function samplesOf({ bounds, counts, sum }: Histogram, labels: string): Sample[] {
  const before = labels === "" ? "" : `${labels},`;
  let count = 0;
  const samples = counts.map((own, at): Sample => {
    count += own;
    const bound = bounds[at];
    const edge = bound === undefined ? "+Inf" : String(bound);
    return { suffix: "_bucket", labels: `${before}le="${edge}"`, value: count };
  });
  return [...samples, { suffix: "_sum", labels, value: sum }, {
    suffix: "_count",
    labels,
    value: count,
  }];
}
