/** The command line of `bench e2e`, and the errors it gives. */

/** How a run is measured, and what. */
export interface Options {
  readonly rounds: number;
  /** One load. */
  readonly seconds: number;
  /** The loads that warm each target up before a scenario's first round. */
  readonly warmSeconds: number;
  /** What each target must have served since its start before a first round, within some time. */
  readonly warmUnits: number;
  readonly only: readonly string[] | undefined;
  /** Another commit that is measured next to this tree. */
  readonly against: string | undefined;
  /** This tree's CPU time per request, relative to that commit's, above which the run fails. */
  readonly failAbove: number | undefined;
}

/** What stands in the usage line. */
export const usage =
  "[--rounds=5] [--seconds=0.6] [--warm-seconds=3] [--warm-units=20000] [--only=NAME,…] " +
  "[--against=REV] [--fail-above=1.10]";

const known = ["rounds", "seconds", "warm-seconds", "warm-units", "only", "against", "fail-above"];

/** `--name=value` and `--name value`. */
function toValues(args: readonly string[]): Map<string, string> {
  const values = new Map<string, string>();
  for (let at = 0; at < args.length; at += 1) {
    const found = /^--([a-z-]+)(?:=(.*))?$/.exec(args[at] ?? "");
    const name = found?.[1] ?? "";
    if (!known.includes(name)) {
      throw new Error(`Unknown argument "${args[at]}": expected ${usage}`);
    }
    const value = found?.[2] ?? args[at += 1];
    if (value === undefined || value === "") throw new Error(`--${name} needs a value`);
    values.set(name, value);
  }
  return values;
}

function toNumber(values: Map<string, string>, name: string, accepts: (value: number) => boolean) {
  const text = values.get(name);
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!accepts(value)) throw new Error(`Cannot use --${name}=${text}`);
  return value;
}

const isPositive = (value: number) => Number.isFinite(value) && value > 0;
const roundsMax = 100;
const secondsMax = 60;
const isTime = (value: number) => isPositive(value) && value <= secondsMax;
const isCount = (max: number) => (value: number) =>
  Number.isInteger(value) && value > 0 && value <= max;
const warmUnitsMax = 1_000_000;

/** Reads the arguments; throws an error that says what was expected. */
export function readOptions(args: readonly string[], names: readonly string[]): Options {
  const values = toValues(args);
  const only = values.get("only")?.split(",");
  const unknown = only?.filter((name) => !names.includes(name)) ?? [];
  if (unknown.length > 0) {
    throw new Error(`Unknown scenario "${unknown.join(", ")}": expected ${names.join(", ")}`);
  }
  const failAbove = toNumber(values, "fail-above", isPositive);
  const against = values.get("against");
  if (failAbove !== undefined && against === undefined) {
    throw new Error("--fail-above needs --against, the commit it compares with");
  }
  return {
    rounds: toNumber(values, "rounds", isCount(roundsMax)) ?? 5,
    seconds: toNumber(values, "seconds", isTime) ?? 0.6,
    warmSeconds: toNumber(values, "warm-seconds", isTime) ?? 3,
    warmUnits: toNumber(values, "warm-units", isCount(warmUnitsMax)) ?? 20_000,
    only,
    against,
    failAbove,
  };
}
