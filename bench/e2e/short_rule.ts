/**
 * How the short form judges its figures. A scenario that is over a bound is measured once more,
 * since a busy machine can spoil one measurement: it fails only if it is over the same bound twice.
 * A measurement whose rounds differ too much is not judged.
 */
import type { RowResult, Spread } from "./results.ts";

/** The bounds. */
export const bounds = {
  /** CPU time, times the base commit's (median of the rounds), above which a scenario warns. */
  warnAbove: 1.25,
  /** … and above which it fails. */
  failAbove: 1.6,
  /** A value, times its figure, above which it fails. */
  figureFactorMax: 2,
  /** The highest round, times the lowest one, above which a measurement is too noisy to judge. */
  spreadMax: 1.6,
} as const;

/** A value over its bound, in words, and a name that is the same in a second measurement. */
export interface Breach {
  readonly key: string;
  readonly text: string;
  /** Whether the rounds differ too much for a verdict. */
  readonly isNoisy: boolean;
}

/** A value that could not be computed is over every bound. */
const isOver = (value: number, bound: number) => !(value <= bound);

function toBreach(key: string, spread: Spread, text: string): Breach {
  const { median, lowest, highest } = spread;
  const isNoisy = highest > bounds.spreadMax * lowest;
  const range = isNoisy ? ` (too noisy: ${lowest.toFixed(2)} to ${highest.toFixed(2)})` : "";
  return { key, text: `${median.toFixed(2)} ${text}${range}`, isNoisy };
}

function baseBreaches({ timesOther }: RowResult, bound: number): Breach[] {
  if (timesOther === undefined || !isOver(timesOther.median, bound)) return [];
  return [toBreach("base", timesOther, `× the base commit, above ${bound}`)];
}

function figureBreaches({ reached }: RowResult): Breach[] {
  const { figureFactorMax } = bounds;
  return reached.flatMap(({ measure, value, figure }) => {
    if (figure === undefined || !isOver(value.median, figureFactorMax * figure)) return [];
    const text = `(${measure}), above ${figureFactorMax} × its figure ${figure}`;
    return [toBreach(`figure ${measure}`, value, text)];
  });
}

/** The breaches that fail a scenario if two measurements have them. */
export const breachesOf = (row: RowResult): Breach[] => [
  ...baseBreaches(row, bounds.failAbove),
  ...figureBreaches(row),
];

/** The verdict on a scenario, with the reasons. */
export interface Verdict {
  readonly outcome: "passed" | "warned" | "failed";
  readonly reasons: readonly string[];
}

/** Judges a scenario by its first measurement, and by a second if the first was over a bound. */
export function judgeRow(first: RowResult, second?: RowResult): Verdict {
  const firstKeys = breachesOf(first).filter(({ isNoisy }) => !isNoisy).map(({ key }) => key);
  const last = breachesOf(second ?? first);
  const failures = last.filter(({ key, isNoisy }) => !isNoisy && firstKeys.includes(key));
  if (failures.length > 0) {
    return { outcome: "failed", reasons: failures.map(({ text }) => text) };
  }
  const warnings = [
    ...baseBreaches(second ?? first, bounds.warnAbove),
    ...last.filter(({ key }) => key !== "base"),
  ];
  return {
    outcome: warnings.length > 0 ? "warned" : "passed",
    reasons: warnings.map(({ text }) => text),
  };
}
