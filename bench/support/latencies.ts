/**
 * Latencies as counts in classes, each 5 % wider than the one before: JSON that stays small however
 * many there are, and that slices add to.
 */

/** How many latencies are in each class, by the class's number. */
export type Latencies = Record<string, number>;

const factor = Math.log(1.05);
/** Anything shorter is in the first class. */
const msMin = 0.01;

/** Counts one. */
export function addLatency(latencies: Latencies, ms: number): void {
  const number = Math.max(0, Math.ceil(Math.log(ms / msMin) / factor));
  latencies[number] = (latencies[number] ?? 0) + 1;
}

/** The upper bound of the class in which this part of the latencies ends; NaN if there are none. */
export function latencyAt(latencies: Latencies, part: number): number {
  const numbers = Object.keys(latencies).map(Number).sort((one, other) => one - other);
  let left = part * Object.values(latencies).reduce((sum, count) => sum + count, 0);
  const last = numbers.find((number) => {
    left -= latencies[number] ?? 0;
    return left <= 0;
  });
  return last === undefined ? Number.NaN : Number((msMin * Math.exp(last * factor)).toFixed(2));
}
