/** The slope of a value over time, by linear regression. */

/** A value at a time, in milliseconds. */
export interface Sample {
  readonly ms: number;
  readonly value: number;
}

/**
 * The lowest value of each window of time, where it was seen: memory that the runtime has not
 * collected yet rises and falls, and only what stays is a leak.
 */
export function lowestOf(samples: readonly Sample[], windowMs: number): Sample[] {
  const windows = new Map<number, Sample>();
  for (const sample of samples) {
    const window = Math.floor(sample.ms / windowMs);
    const lowest = windows.get(window);
    if (lowest === undefined || sample.value < lowest.value) windows.set(window, sample);
  }
  return [...windows.values()];
}

/** By how much the value rises in a millisecond (least squares); 0 for fewer than two moments. */
export const slopeOf = (samples: readonly Sample[]): number => commonSlopeOf([samples]);

/**
 * The same of several gateways, one after the other: each has a level of its own, and the slope is
 * what they have in common.
 */
export function commonSlopeOf(groups: readonly (readonly Sample[])[]): number {
  let [spread, rise] = [0, 0];
  for (const samples of groups) {
    const mean = (pick: (sample: Sample) => number) =>
      samples.reduce((sum, sample) => sum + pick(sample), 0) / Math.max(samples.length, 1);
    const ms = mean((sample) => sample.ms);
    const value = mean((sample) => sample.value);
    for (const sample of samples) {
      spread += (sample.ms - ms) ** 2;
      rise += (sample.ms - ms) * (sample.value - value);
    }
  }
  return spread === 0 ? 0 : rise / spread;
}
