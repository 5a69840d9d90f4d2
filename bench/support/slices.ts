/**
 * Figures that take long, measured in slices. After each slice the counts and the position are in
 * the row's file, so the same command goes on where a run ended, however it ended. A slice that was
 * not finished is repeated. What a slice does depends on the seed and its position alone.
 */
import process from "node:process";
import { createSeededRandom } from "../../test/support/random.ts";
import { closeOnSignal, type Closing, createClosing } from "../e2e/closing.ts";
import {
  describeRun,
  endWith,
  type FigureResult,
  type FigureRow,
  hasOption,
  readRow,
  rowPath,
  type RowProgress,
  seedOption,
  textOption,
  toFigureRow,
  writeRow,
} from "./row.ts";

/** A part of a figure. */
export interface Slice<Counts> {
  /** The first unit, from 0, and how many units. */
  readonly from: number;
  readonly count: number;
  readonly random: () => number;
  /** The start of the command that measures it, from 1. */
  readonly start: number;
  /** What all earlier slices counted: the slice adds to it. */
  readonly counts: Counts;
}

/** What measures slices, one after the other. */
export interface SliceRunner<Counts> {
  run(slice: Slice<Counts>): Promise<void>;
  close(): Promise<unknown>;
}

/** A figure that is measured in slices. */
export interface SlicedFigure<Counts extends object>
  extends Pick<FigureResult, "figure" | "options"> {
  /** How many units there are, and at most in a slice. */
  readonly of: number;
  readonly slice: number;
  /** Counts before the first slice; JSON can hold them. */
  readonly none: Counts;
  open(seed: number): Promise<SliceRunner<Counts>>;
  /** From the counts to the row. */
  judge(counts: Counts): Pick<FigureResult, "values" | "goals">;
}

/** How a run begins. */
export interface SlicedStart {
  readonly path: string | undefined;
  /** Undefined: the stored one, or a new one. */
  readonly seed: number | undefined;
  /** Whether a stored row is measured again from its beginning. */
  readonly restarts: boolean;
  /** A line for each slice. */
  readonly print: (line: string) => void;
}

const sameMembers = ["figure", "subject", "runtime", "revision"] as const;

/** What must be the same in every run of one row. */
type RowIdentity = Pick<FigureRow, typeof sameMembers[number] | "options">;

/** How a stored row was measured in another way than this one would be; empty: it was not. */
function differencesOf(stored: RowIdentity, wanted: RowIdentity): string {
  const names = new Set([...Object.keys(stored.options), ...Object.keys(wanted.options)]);
  return [
    ...sameMembers.map((name) => [name, stored[name], wanted[name]]),
    ...[...names].map((name) => [name, stored.options[name], wanted.options[name]]),
  ].filter(([, before, now]) => before !== now)
    .map(([name, before, now]) => `${name} was ${before} and is ${now}`).join(", ");
}

/**
 * The progress to go on with; undefined: the figure is measured from its beginning. Throws if the
 * file has a part of another measurement, which would be lost.
 */
function progressIn(
  stored: FigureRow,
  wanted: RowIdentity,
  { path, print }: SlicedStart,
): RowProgress | undefined {
  const differences = differencesOf(stored, wanted);
  const { progress } = stored;
  if (differences === "") return progress;
  if (progress !== undefined && progress.done < progress.of) {
    throw new Error(
      `Cannot go on with ${path}: ${differences}; ` +
        "use the same options and commit, or add --restart to measure it from the beginning",
    );
  }
  print(`${stored.figure}: measured from its beginning, since ${differences}`);
  return undefined;
}

/** Measures what is left of a figure; resolves with the whole row, which the file has, too. */
export async function measureInSlices<Counts extends object>(
  figure: SlicedFigure<Counts>,
  start: SlicedStart,
  closing: Closing = createClosing(),
): Promise<FigureRow> {
  const { path, print } = start;
  const { figure: name, of } = figure;
  const stored = path === undefined || start.restarts ? undefined : readRow(path);
  const seed = start.seed ?? Number(stored?.options["seed"] ?? seedOption());
  const wanted = { figure: name, options: { ...figure.options, seed }, ...describeRun() };
  const earlier = (stored && progressIn(stored, wanted, start)) ??
    { done: 0, of, seconds: 0, starts: 0, counts: figure.none };
  if (stored !== undefined && earlier.done >= of) {
    print(`${name}: complete since ${stored.at}; --restart measures it again`);
    return stored;
  }
  const toRow = (progress: RowProgress<Counts>): FigureRow => ({
    ...toFigureRow({ ...wanted, ...figure.judge(progress.counts) }, wanted),
    progress,
  });
  let progress = { ...earlier as RowProgress<Counts>, starts: earlier.starts + 1 };
  let row = toRow(progress);
  try {
    const runner = await closing.open(() => figure.open(seed), (opened) => opened.close());
    while (progress.done < of) {
      progress = await runSlice(figure, runner, progress, seed);
      row = toRow(progress);
      if (path !== undefined) writeRow(path, row);
      print(`${name}: ${progress.done} of ${of}, ${progress.seconds} s`);
    }
    return row;
  } finally {
    await closing.close();
  }
}

/** Measures the next slice; what it counts is in a copy, so that a slice that fails leaves nothing. */
async function runSlice<Counts extends object>(
  figure: SlicedFigure<Counts>,
  runner: SliceRunner<Counts>,
  progress: RowProgress<Counts>,
  seed: number,
): Promise<RowProgress<Counts>> {
  const { done: from, starts: start } = progress;
  const count = Math.min(figure.slice, figure.of - from);
  const counts = structuredClone(progress.counts);
  const begun = performance.now();
  await runner.run({ from, count, start, counts, random: createSeededRandom(seed + from) });
  const seconds = Math.round(progress.seconds + (performance.now() - begun) / 1_000);
  return { ...progress, done: from + count, seconds, counts };
}

/** The command of a figure: measures what is left, prints the row, and ends the process. */
export async function runSliced<Counts extends object>(
  figure: SlicedFigure<Counts>,
): Promise<never> {
  const seed = textOption("seed");
  const closing = createClosing();
  closeOnSignal(closing);
  const start = {
    path: rowPath(figure.figure),
    seed: seed === undefined ? undefined : Number(seed),
    restarts: hasOption("restart"),
    print: (line: string) => console.log(line),
  };
  try {
    endWith(await measureInSlices(figure, start, closing));
  } catch (thrown) {
    console.error(thrown instanceof Error ? thrown.message : thrown);
    process.exit(1);
  }
}
