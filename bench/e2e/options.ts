/** The command line of `bench e2e`, and the errors it gives. */

/** How a run is measured, and what. */
export interface Options {
  readonly rounds: number;
  /** One load. */
  readonly seconds: number;
  /** The loads that warm each target up before a scenario's first round, at least. */
  readonly warmSeconds: number;
  /** A target that is too slow to reach its count is measured after this time. */
  readonly warmSecondsMax: number;
  /** The part of the usual count (warm_up.ts) that each target serves before a first round. */
  readonly warmPart: number;
  readonly only: readonly string[] | undefined;
  /** Another commit that is measured next to this tree. */
  readonly against: string | undefined;
  /** This tree's CPU time per request, relative to that commit's, above which the run fails. */
  readonly failAbove: number | undefined;
  /** Programs of other projects that are measured next to this tree. */
  readonly peers: readonly string[];
  /** Where the results go as JSON. */
  readonly json: string | undefined;
  /** The page that is written from runs on both runtimes. */
  readonly write: string | undefined;
  /** The short form that CI runs (short.ts); it has its own rounds. */
  readonly isShort: boolean;
}

/** What stands in the usage line. */
export const usage =
  "[--rounds=5] [--seconds=0.6] [--warm-seconds=1] [--warm-seconds-max=30] [--warm-part=1] " +
  "[--only=NAME,…] [--against=REV] [--fail-above=1.10] [--peers=NAME,…] [--json=FILE] [--write=FILE] [--short]";

const known = [...usage.matchAll(/--([a-z-]+)=/g)].map(([, name = ""]) => name);
const flags = ["short"];

/** Each option with its value as one argument, whether it was `--name=value` or `--name value`. */
export const joinArguments = (args: readonly string[]): string[] =>
  [...toValues(args)].map(([name, value]) =>
    flags.includes(name) ? `--${name}` : `--${name}=${value}`
  );

/** `--name=value` and `--name value`, and flags. */
function toValues(args: readonly string[]): Map<string, string> {
  const values = new Map<string, string>();
  for (let at = 0; at < args.length; at += 1) {
    const found = /^--([a-z-]+)(?:=(.*))?$/.exec(args[at] ?? "");
    const name = found?.[1] ?? "";
    if (flags.includes(name) && found?.[2] === undefined) {
      values.set(name, "true");
      continue;
    }
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

function toNames(
  values: Map<string, string>,
  option: string,
  names: readonly string[],
): string[] | undefined {
  const given = values.get(option)?.split(",");
  const unknown = given?.filter((name) => !names.includes(name)) ?? [];
  if (unknown.length === 0) return given;
  throw new Error(`Unknown --${option} "${unknown.join(", ")}": expected ${names.join(", ")}`);
}

const isPositive = (value: number) => Number.isFinite(value) && value > 0;
const roundsMax = 100;
const secondsMax = 60;
const isTime = (value: number) => isPositive(value) && value <= secondsMax;
const isPart = (value: number) => isPositive(value) && value <= 10;
const isCount = (value: number) => Number.isInteger(value) && value > 0 && value <= roundsMax;

/** Reads the arguments; throws an error that says what was expected. */
export function readOptions(
  args: readonly string[],
  rows: readonly string[],
  peers: readonly string[],
): Options {
  const values = toValues(args);
  const failAbove = toNumber(values, "fail-above", isPositive);
  const against = values.get("against");
  if (failAbove !== undefined && against === undefined) {
    throw new Error("--fail-above needs --against, the commit it compares with");
  }
  if (values.has("write") && (values.has("json") || failAbove !== undefined)) {
    throw new Error("--write goes with neither --json nor --fail-above");
  }
  return {
    rounds: toNumber(values, "rounds", isCount) ?? 5,
    seconds: toNumber(values, "seconds", isTime) ?? 0.6,
    warmSeconds: toNumber(values, "warm-seconds", isTime) ?? 1,
    warmSecondsMax: toNumber(values, "warm-seconds-max", isTime) ?? 30,
    warmPart: toNumber(values, "warm-part", isPart) ?? 1,
    only: toNames(values, "only", rows),
    against,
    failAbove,
    peers: toNames(values, "peers", peers) ?? [],
    json: values.get("json"),
    write: values.get("write"),
    isShort: values.has("short"),
  };
}
