/**
 * How a benchmark of a single figure reads its options, stores its row and says what it missed. A
 * row is a file of JSON: with `--store` in docs/figures, from which `bench reliability` makes the
 * table of docs/reliability.md, with `--json=FILE` elsewhere.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import process from "node:process";
import { gatewayRuntime, projectDirectory } from "../../test/support/runtimes.ts";
import { measuredRevision } from "../e2e/checkout.ts";
import { describeMachine } from "./machine.ts";

/** What must hold, and whether it does. */
export type Goals = readonly (readonly [goal: string, isReached: boolean])[];

/** What decides how much is measured; the seed is among it. */
export type RowOptions = Readonly<Record<string, number | string>>;

/** How far a figure has come that is measured in slices (slices.ts). */
export interface RowProgress<Counts = unknown> {
  readonly done: number;
  readonly of: number;
  /** The time of all finished slices. */
  readonly seconds: number;
  /** How often the command was started; each start has a gateway of its own. */
  readonly starts: number;
  readonly counts: Counts;
}

/** One figure of one program, as it is stored. */
export interface FigureRow {
  readonly figure: string;
  /** What was measured: the gateway on this runtime, or another project's program. */
  readonly subject: string;
  /** The runtime of the benchmark and, where it is the subject, of the gateway. */
  readonly runtime: string;
  readonly machine: string;
  readonly load: string;
  readonly at: string;
  readonly revision: string;
  readonly options: RowOptions;
  readonly progress?: RowProgress;
  readonly values: Readonly<Record<string, unknown>>;
  /** The goals that were not reached. */
  readonly missed: readonly string[];
}

/** What a figure came to. */
export interface FigureResult {
  readonly figure: string;
  readonly options: RowOptions;
  readonly values: object;
  readonly goals: Goals;
}

/** Where the rows of the table are. */
export const figuresFolder: string = join(projectDirectory, "docs", "figures");

/** `--name=text` of the command line. */
export const textOption = (name: string): string | undefined =>
  process.argv.find((argument) => argument.startsWith(`--${name}=`))?.slice(name.length + 3);

/** The same as a number. */
export const numberOption = (name: string, fallback: number): number =>
  Number(textOption(name) ?? fallback);

/** `--name` without a value. */
export const hasOption = (name: string): boolean => process.argv.includes(`--${name}`);

/** `--seed=N`, or a new one for each run. */
export const seedOption = (): number => numberOption("seed", Math.floor(Math.random() * 2 ** 31));

/** What is measured: the gateway, or the program that `--peer` names. */
export const subjectOption = (): string => textOption("peer") ?? gatewayRuntime;

/** The file of a figure's row; undefined: it is printed alone. */
export const rowPath = (figure: string): string | undefined =>
  textOption("json") ??
    (hasOption("store") ? join(figuresFolder, subjectOption(), `${figure}.json`) : undefined);

/** The row in a file, if it is there; throws if it is something else. */
export function readRow(path: string): FigureRow | undefined {
  if (!existsSync(path)) return undefined;
  try {
    const row = JSON.parse(readFileSync(path, "utf8")) as FigureRow;
    if (typeof row.figure === "string" && typeof row.options === "object") return row;
  } catch {
    // It is refused below.
  }
  throw new Error(`Cannot use ${path}: it is no row of a figure; remove it or name another file`);
}

/** Replaces the file as a whole, so that a run that is killed leaves the earlier row. */
export function writeRow(path: string, row: FigureRow): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(`${path}.new`, `${JSON.stringify(row, null, 2)}\n`);
  renameSync(`${path}.new`, path);
}

let revision: string | undefined;

/** What is measured, with what and where: the head of a row. */
export const describeRun = () => ({
  subject: subjectOption(),
  ...describeMachine(),
  // What runs does not change any more, whatever happens to the files.
  revision: revision ??= measuredRevision(),
});

/** The row of what was measured just now. */
export const toFigureRow = (
  { figure, options, values, goals }: FigureResult,
  { subject, runtime, machine, load, revision } = describeRun(),
): FigureRow => ({
  figure,
  ...{ subject, runtime, machine, load, revision },
  at: new Date().toISOString(),
  options,
  values: { ...values },
  missed: goals.filter(([, isReached]) => !isReached).map(([goal]) => goal),
});

/** Prints the row and ends the process: with 1 if a goal was missed. */
export function endWith({ progress, ...row }: FigureRow): never {
  const { counts: _, ...reached } = progress ?? { counts: undefined };
  console.log(
    JSON.stringify(progress === undefined ? row : { ...row, progress: reached }, null, 2),
  );
  for (const goal of row.missed) console.log(`missed: ${goal}`);
  console.log(row.missed.length === 0 ? "1 passed, 0 failed" : "0 passed, 1 failed");
  process.exit(row.missed.length > 0 ? 1 : 0);
}

/** Stores and prints the row of a figure that is measured at once, and ends the process. */
export function finish(result: FigureResult): never {
  const row = toFigureRow(result);
  const path = rowPath(row.figure);
  if (path !== undefined) writeRow(path, row);
  endWith(row);
}
