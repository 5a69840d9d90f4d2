/** Metrics as text: whatever the labels hold, a strict reader gets back what was written. */
import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { createHistogram, observe, samplesOf } from "../../../src/telemetry/histogram.ts";
import { labelText, type MetricFamily, toMetricText } from "../../../src/telemetry/metric_text.ts";
import { readMetrics, valueOf } from "../../support/metric_text.ts";
import { testSeed as seed } from "../../support/random.ts";

const gauge = (labels: Readonly<Record<string, string>>, value = 1): MetricFamily => ({
  name: "things",
  type: "gauge",
  help: "How many things there are.",
  samples: [{ labels: labelText(labels), value }],
});

describe("a label", () => {
  test("comes back whatever it holds", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), fc.string(), (one, other) => {
        const read = readMetrics(toMetricText([gauge({ one, other })]));
        expect(read.get("mcp_wrapper_things")?.samples[0]?.labels).toEqual({ one, other });
      }),
      { seed },
    );
  });

  test("cannot end its line, add a label or add a sample", () => {
    const name = 'x"} 5\n# TYPE evil counter\nevil{a="\\';
    const text = toMetricText([gauge({ name })]);
    expect(text.split("\n")).toHaveLength(4);
    expect([...readMetrics(text).keys()]).toEqual(["mcp_wrapper_things"]);
    expect(valueOf(readMetrics(text), "mcp_wrapper_things", { name })).toBe(1);
  });

  test("with half a character is written with its replacement", () => {
    expect(toMetricText([gauge({ name: "a\ud800" })])).toContain('name="a\ufffd"');
  });
});

test("numbers that are none have their own words", () => {
  const values = [0.1, 1e21, Infinity, -Infinity, NaN].map((value, at) => ({
    labels: labelText({ at: String(at) }),
    value,
  }));
  const text = toMetricText([{ name: "n", type: "gauge", help: "Numbers.", samples: values }]);
  expect(text.match(/(?<=\} ).*/g)).toEqual(["0.1", "1e+21", "+Inf", "-Inf", "NaN"]);
  expect(readMetrics(text).get("mcp_wrapper_n")?.samples.map(({ value }) => value))
    .toEqual([0.1, 1e21, Infinity, -Infinity, NaN]);
});

test("a name without samples is left out", () => {
  expect(toMetricText([{ name: "n", type: "gauge", help: "None.", samples: [] }])).toBe("");
});

test("a histogram counts each value once, in all buckets from its own on", () => {
  const histogram = createHistogram([1, 2]);
  for (const value of [0.5, 1, 1.5, 2, 7]) observe(histogram, value);
  const family: MetricFamily = {
    name: "took_seconds",
    type: "histogram",
    help: "How long it took.",
    samples: samplesOf(histogram, labelText({ what: "a" })),
  };
  const read = readMetrics(toMetricText([family]));
  const bucket = (le: string) => valueOf(read, "mcp_wrapper_took_seconds_bucket", { le });
  expect([bucket("1"), bucket("2"), bucket("+Inf")]).toEqual([2, 4, 5]);
  expect(valueOf(read, "mcp_wrapper_took_seconds_sum")).toBe(12);
  expect(valueOf(read, "mcp_wrapper_took_seconds_count")).toBe(5);
});

describe("the strict reader refuses", () => {
  const head = "# HELP a_total Help.\n# TYPE a_total counter\n";
  const bad: Readonly<Record<string, string>> = {
    "a text without its last line's end": `${head}a_total 1`,
    "a sample without a type": "a_total 1\n",
    "a type without help": "# TYPE a_total counter\na_total 1\n",
    "help without a type": "# HELP a_total Help.\n",
    "another name's sample": `${head}b_total 1\n`,
    "a name in two places": `${head}a_total 1\n${head}a_total{x="1"} 2\n`,
    "a sample that is there twice": `${head}a_total{x="1",y="2"} 1\na_total{y="2",x="1"} 1\n`,
    "a label that comes twice": `${head}a_total{x="1",x="2"} 1\n`,
    "an unknown escape": `${head}a_total{x="\\t"} 1\n`,
    "an open label": `${head}a_total{x="1} 1\n`,
    "a word for a number": `${head}a_total one\n`,
    "a counter below 0": `${head}a_total -1\n`,
    "a counter without _total": "# HELP a Help.\n# TYPE a counter\na 1\n",
    "a type that does not exist": "# HELP a Help.\n# TYPE a thing\na 1\n",
    "a histogram whose buckets fall": "# HELP h Help.\n# TYPE h histogram\n" +
      'h_bucket{le="1"} 2\nh_bucket{le="+Inf"} 1\nh_sum 1\nh_count 1\n',
    "a histogram without its last bucket": "# HELP h Help.\n# TYPE h histogram\n" +
      'h_bucket{le="1"} 1\nh_sum 1\nh_count 1\n',
  };
  for (const [what, text] of Object.entries(bad)) {
    test(what, () => expect(() => readMetrics(text)).toThrow());
  }

  test("and takes what is well-formed", () => {
    expect(valueOf(readMetrics(`${head}a_total{x="\\"\\\\\\n"} 1\n`), "a_total")).toBe(1);
  });
});
