/**
 * Reads metrics in the exposition format 0.0.4 of Prometheus as strictly as possible: each name has its
 * help and type before its samples, all in one place; names, labels and escapes are well-formed; no
 * sample is there twice; counters and histograms hold what they must.
 */

/** One line with a number. */
export interface ReadSample {
  /** With the suffix of a histogram's part. */
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** All samples of one name. */
export interface ReadFamily {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly samples: readonly ReadSample[];
}

/** The families of one text, by name. */
export type ReadMetrics = ReadonlyMap<string, ReadFamily>;

const nameForm = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const labelForm = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(,|$)/y;
const types: ReadonlySet<string> = new Set(["counter", "gauge", "histogram"]);
const parts = ["_bucket", "_sum", "_count"] as const;

/** Reads a text; throws an error that names the first line that is wrong. */
export function readMetrics(text: string): ReadMetrics {
  if (text !== "" && !text.endsWith("\n")) throw new Error("The last line has no end");
  const families = new Map<string, ReadFamily & { samples: ReadSample[] }>();
  let current: (ReadFamily & { samples: ReadSample[] }) | undefined;
  let helped: { readonly name: string; readonly help: string } | undefined;
  for (const line of text.split("\n").slice(0, -1)) {
    const wrong = (why: string) => new Error(`${why}: ${line}`);
    const [, kind, name = "", rest = ""] = /^# (HELP|TYPE) (\S+) (.*)$/s.exec(line) ?? [];
    if (kind === "HELP") {
      if (!nameForm.test(name)) throw wrong("This is no name");
      if (families.has(name)) throw wrong("A name comes in two places");
      if (/\\(?![\\n])/.test(rest)) throw wrong("An escape is unknown");
      if (rest.trim() === "") throw wrong("There is no help");
      helped = { name, help: rest };
    } else if (kind === "TYPE") {
      if (helped?.name !== name) throw wrong("The help does not come right before the type");
      if (!types.has(rest)) throw wrong("This is no type");
      current = { ...helped, type: rest, samples: [] };
      families.set(name, current);
      helped = undefined;
    } else {
      if (current === undefined || helped !== undefined) throw wrong("A sample has no type");
      current.samples.push(readSample(line, current, wrong));
    }
  }
  if (helped !== undefined) throw new Error(`${helped.name} has no type`);
  for (const family of families.values()) check(family);
  return families;
}

function readSample(
  line: string,
  { name: family, type }: ReadFamily,
  wrong: (why: string) => Error,
): ReadSample {
  const [, name = "", labelText, number = ""] =
    /^([^\s{]+)(?:\{(.*)\})? ([+-]?(?:\d+(?:\.\d+)?(?:e[+-]?\d+)?|Inf)|NaN)$/s.exec(line) ?? [];
  const allowed = type === "histogram" ? parts.map((part) => family + part) : [family];
  if (!allowed.includes(name)) throw wrong(`This is no sample of ${family}`);
  const labels = labelText === undefined ? {} : readLabels(labelText, wrong);
  const value = Number(number.replace("Inf", "Infinity"));
  return { name, labels, value };
}

function readLabels(text: string, wrong: (why: string) => Error): Record<string, string> {
  const labels: Record<string, string> = {};
  for (let at = 0; at < text.length;) {
    labelForm.lastIndex = at;
    const found = labelForm.exec(text);
    if (found === null) throw wrong("A label is not well-formed");
    const [whole, name = "", value = "", end] = found;
    if (Object.hasOwn(labels, name)) throw wrong(`The label ${name} comes twice`);
    labels[name] = value.replace(/\\(.)/g, (_, one: string) => one === "n" ? "\n" : one);
    at += whole.length;
    if (end === "," && at === text.length) throw wrong("A label is missing");
  }
  return labels;
}

const keyOf = (name: string, labels: Readonly<Record<string, string>>): string =>
  JSON.stringify([name, Object.entries(labels).sort(([one], [other]) => one < other ? -1 : 1)]);

function check({ name, type, samples }: ReadFamily): void {
  const keys = samples.map((sample) => keyOf(sample.name, sample.labels));
  const twice = keys.find((key, at) => keys.indexOf(key) !== at);
  if (twice !== undefined) throw new Error(`${name} has a sample twice: ${twice}`);
  if (samples.length === 0) throw new Error(`${name} has no sample`);
  if (type !== "counter" && name.endsWith("_total")) throw new Error(`${name} is no counter`);
  if (type === "gauge") return;
  const isCount = ({ value }: ReadSample) => Number.isFinite(value) && value >= 0;
  const odd = samples.find((sample) => !isCount(sample));
  if (odd !== undefined) throw new Error(`${name} counts ${odd.value}`);
  if (type === "counter" && !name.endsWith("_total")) {
    throw new Error(`${name} ends without _total`);
  }
  if (type === "histogram") checkHistogram(name, samples);
}

function checkHistogram(name: string, samples: readonly ReadSample[]): void {
  const rows = Map.groupBy(samples, ({ labels: { le: _, ...labels } }) => keyOf(name, labels));
  for (const [key, row] of rows) {
    const of = (suffix: string) => row.filter((sample) => sample.name === name + suffix);
    const buckets = of("_bucket");
    const bounds = buckets.map(({ labels }) => Number(labels["le"]?.replace("Inf", "Infinity")));
    const isRising = (values: readonly number[], isStrict: boolean) =>
      values.every((value, at) =>
        at === 0 || value > (values[at - 1] ?? 0) || (!isStrict && value === values[at - 1])
      );
    const isSound = isRising(bounds, true) && bounds.at(-1) === Infinity &&
      isRising(buckets.map(({ value }) => value), false) &&
      of("_sum").length === 1 && of("_count").length === 1 &&
      of("_count")[0]?.value === buckets.at(-1)?.value;
    if (!isSound) throw new Error(`The histogram ${key} is not sound`);
  }
}

/** The value of one sample, by the labels that tell it; undefined: it is not there. */
export function valueOf(
  metrics: ReadMetrics,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number | undefined {
  const family = metrics.get(name) ?? metrics.get(name.replace(/_(?:bucket|sum|count)$/, ""));
  const found = family?.samples.filter((sample) =>
    sample.name === name &&
    Object.entries(labels).every(([label, value]) => sample.labels[label] === value)
  ) ?? [];
  if (found.length > 1) throw new Error(`Several samples of ${name} are meant`);
  return found[0]?.value;
}
