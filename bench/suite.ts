/**
 * The interface between a benchmark file and run.ts, and how candidates are measured: in turns, so
 * that the order favours none.
 */
import { do_not_optimize, measure } from "mitata";

/** One way to do the work; every call takes fresh input. */
export interface Candidate {
  readonly name: string;
  readonly work: () => unknown;
}

/** Candidates that do the same work; the others are compared with the first, which is bare. */
export interface Suite {
  readonly title: string;
  readonly unit: string;
  /** Units of work in one call. */
  readonly units: number;
  readonly candidates: readonly Candidate[];
  close(): void | Promise<void>;
}

/** The figure of one candidate: the median of the rounds' medians, and their range. */
export interface Figure {
  readonly name: string;
  readonly nanoseconds: number;
  readonly lowest: number;
  readonly highest: number;
  /** Relative to the first candidate. */
  readonly ratio: number;
}

/** Measures a suite in rounds, each of which starts with another candidate. */
export async function measureSuite(suite: Suite, rounds = 3, roundMs = 150): Promise<Figure[]> {
  const medians = suite.candidates.map((): number[] => []);
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < suite.candidates.length; turn++) {
      const at = (round + turn) % suite.candidates.length;
      const { work } = suite.candidates[at]!;
      const first = work();
      const call = first instanceof Promise
        ? async () => do_not_optimize(await work())
        : () => do_not_optimize(work());
      await first;
      // Garbage collection between candidates would cost a gigabyte on a runtime that cannot be
      // asked for it.
      const stats = await measure(call, { min_cpu_time: roundMs * 1e6, gc: false });
      medians[at]!.push(stats.p50 / suite.units);
    }
  }
  for (const values of medians) values.sort((a, b) => a - b);
  const middle = (values: number[]) => values[values.length >> 1]!;
  return suite.candidates.map(({ name }, at) => ({
    name,
    nanoseconds: middle(medians[at]!),
    lowest: medians[at]![0]!,
    highest: medians[at]!.at(-1)!,
    ratio: middle(medians[at]!) / middle(medians[0]!),
  }));
}

/** A suite's figures as lines of text. */
export function toReport(suite: Suite, figures: readonly Figure[]): string {
  const width = Math.max(...figures.map(({ name }) => name.length));
  const number = (value: number) => value.toFixed(value < 100 ? 1 : 0);
  const lines = figures.map(({ name, nanoseconds, lowest, highest, ratio }) =>
    [
      `  ${name.padEnd(width)}`,
      `${number(nanoseconds).padStart(9)} ns/${suite.unit}`,
      `(${number(lowest)} to ${number(highest)})`.padEnd(20),
      `${ratio.toFixed(2)} x bare`,
    ].join("  ")
  );
  return [suite.title, ...lines, ""].join("\n");
}
