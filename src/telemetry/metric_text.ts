/**
 * Metrics as text, in the exposition format 0.0.4 of Prometheus: a family has a name, a type, a help
 * text and samples. Pure. Not here: what is counted.
 */

/** The content type of the text. */
export const metricTextType = "text/plain; version=0.0.4; charset=utf-8";

/** One number with its labels. */
export interface Sample {
  /** As `labelText` wrote them; absent or "": none. */
  readonly labels?: string | undefined;
  readonly value: number;
  /** After the family's name, for the parts of a histogram. */
  readonly suffix?: "_bucket" | "_sum" | "_count" | undefined;
}

/** All samples of one name. */
export interface MetricFamily {
  /** After the common prefix; in base units, a counter ends with `_total`. */
  readonly name: string;
  readonly type: "counter" | "gauge" | "histogram";
  /** One sentence. */
  readonly help: string;
  readonly samples: readonly Sample[];
}

/** How every name begins. */
const prefix = "mcp_wrapper_";

/** The labels of a sample as text; values may hold any characters. */
export function labelText(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels).map(([name, value]) => `${name}="${escapeLabel(value)}"`).join(",");
}

/** The text of these families; one without samples is left out. */
export function toMetricText(families: readonly MetricFamily[]): string {
  const pieces: string[] = [];
  for (const { name, type, help, samples } of families) {
    if (samples.length === 0) continue;
    const whole = `${prefix}${name}`;
    pieces.push(`# HELP ${whole} ${escapeHelp(help)}\n# TYPE ${whole} ${type}\n`);
    for (const { labels = "", value, suffix = "" } of samples) {
      pieces.push(`${whole}${suffix}${labels === "" ? "" : `{${labels}}`} ${toNumber(value)}\n`);
    }
  }
  return pieces.join("");
}

function toNumber(value: number): string {
  if (Number.isFinite(value)) return String(value);
  return Number.isNaN(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf";
}

const escapes: Readonly<Record<string, string>> = { "\\": "\\\\", '"': '\\"', "\n": "\\n" };

function escapeLabel(value: string): string {
  // A lone surrogate has no UTF-8.
  return value.toWellFormed().replace(/[\\"\n]/g, (character) => escapes[character] ?? "");
}

function escapeHelp(text: string): string {
  return text.replace(/[\\\n]/g, (character) => escapes[character] ?? "");
}
