/**
 * The interface between a benchmark file and run.ts, and how candidates are measured: in turns, so
 * that the order favours none. mitata measures the time by the wall clock; the CPU time, which
 * other work on the machine does not lengthen as much, is read around further calls.
 */
import { do_not_optimize, measure } from "mitata";
import process from "node:process";

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

/** The median of the rounds, their range, and how it relates to the first candidate's. */
interface Nanoseconds {
  readonly median: number;
  readonly lowest: number;
  readonly highest: number;
  readonly ratio: number;
}

/** The figures of one candidate, each for one unit. */
export interface Figure {
  readonly name: string;
  /** By the wall clock: each round's median. */
  readonly wall: Nanoseconds;
  /** CPU time of all threads: each round's mean. */
  readonly cpu: Nanoseconds;
}

const nsPerMs = 1e6;
const nsPerUs = 1e3;
const callsMax = 1_000_000;

/** Nanoseconds of CPU time for one call. */
async function cpuOf(work: () => unknown, calls: number): Promise<number> {
  const before = process.cpuUsage();
  for (let call = 0; call < calls; call += 1) {
    const result = work();
    do_not_optimize(result instanceof Promise ? await result : result);
  }
  const { user, system } = process.cpuUsage(before);
  return (user + system) * nsPerUs / calls;
}

/** One round of one candidate. */
async function measureOnce({ work }: Candidate, roundMs: number) {
  const first = work();
  const call = first instanceof Promise
    ? async () => do_not_optimize(await work())
    : () => do_not_optimize(work());
  await first;
  // Garbage collection between candidates would cost a gigabyte on a runtime that cannot be
  // asked for it.
  const { p50: wall } = await measure(call, { min_cpu_time: roundMs * nsPerMs, gc: false });
  const calls = Math.max(1, Math.min(callsMax, Math.round(roundMs * nsPerMs / wall)));
  return { wall, cpu: await cpuOf(work, calls) };
}

const medianOf = (values: readonly number[]) =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

const toNanoseconds = (values: readonly number[], bare: readonly number[]): Nanoseconds => ({
  median: medianOf(values),
  lowest: Math.min(...values),
  highest: Math.max(...values),
  ratio: medianOf(values) / medianOf(bare),
});

/** Measures a suite in rounds, each of which starts with another candidate. */
export async function measureSuite(suite: Suite, rounds = 3, roundMs = 150): Promise<Figure[]> {
  const { candidates, units } = suite;
  const measured = candidates.map((candidate) => ({
    candidate,
    wall: [] as number[],
    cpu: [] as number[],
  }));
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < measured.length; turn++) {
      const one = measured[(round + turn) % measured.length]!;
      const { wall, cpu } = await measureOnce(one.candidate, roundMs);
      one.wall.push(wall / units);
      one.cpu.push(cpu / units);
    }
  }
  const [bare] = measured;
  return measured.map(({ candidate: { name }, wall, cpu }) => ({
    name,
    wall: toNanoseconds(wall, bare?.wall ?? []),
    cpu: toNanoseconds(cpu, bare?.cpu ?? []),
  }));
}

/** A suite's figures as lines of text. */
export function toReport(suite: Suite, figures: readonly Figure[]): string {
  const width = Math.max(...figures.map(({ name }) => name.length));
  const number = (value: number) => value.toFixed(value < 100 ? 1 : 0);
  const lines = figures.map(({ name, wall, cpu }) =>
    [
      `  ${name.padEnd(width)}`,
      `${number(wall.median).padStart(9)} ns/${suite.unit}`,
      `(${number(wall.lowest)} to ${number(wall.highest)})`.padEnd(22),
      `${wall.ratio.toFixed(2)} x bare`.padEnd(13),
      `CPU ${number(cpu.median).padStart(9)} ns`,
      `${cpu.ratio.toFixed(2)} x bare`,
    ].join("  ")
  );
  return [suite.title, ...lines, ""].join("\n");
}
