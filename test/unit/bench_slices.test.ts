/** Figures that are measured in slices: what a run that was ended leaves, and what the next one does. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { addLatency, type Latencies, latencyAt } from "../../bench/support/latencies.ts";
import { type FigureRow, readRow } from "../../bench/support/row.ts";
import { measureInSlices, type Slice, type SlicedFigure } from "../../bench/support/slices.ts";
import { commonSlopeOf } from "../../bench/support/slope.ts";

interface Counts {
  units: number;
  readonly drawn: number[];
}

/** Counts units and draws a number in each slice; fails at the given slices. */
function createFigure(failsAt: readonly number[] = [], more: object = {}) {
  const ran: Pick<Slice<Counts>, "from" | "count" | "start">[] = [];
  let closed = 0;
  const figure: SlicedFigure<Counts> = {
    figure: "counting",
    options: { units: 25 },
    of: 25,
    slice: 10,
    none: { units: 0, drawn: [] },
    open: () =>
      Promise.resolve({
        run({ from, count, start, counts, random }) {
          counts.units += count;
          counts.drawn.push(random());
          if (failsAt.includes(from)) return Promise.reject(new Error(`no slice ${from}`));
          ran.push({ from, count, start });
          return Promise.resolve();
        },
        close: () => Promise.resolve(closed += 1),
      }),
    judge: ({ units }) => ({ values: { units }, goals: [["there are 25", units === 25]] }),
    ...more,
  };
  return { figure, ran, closed: () => closed };
}

describe("a figure in slices", () => {
  let folder = "";
  let path = "";
  const lines: string[] = [];
  const start = (more: object = {}) => ({
    ...{ path, seed: 7 as number | undefined, restarts: false },
    print: (line: string) => void lines.push(line),
    ...more,
  });
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "mcp-wrapper-slices-"));
    path = join(folder, "rows", "counting.json");
    lines.length = 0;
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));
  const stored = () => JSON.parse(readFileSync(path, "utf8")) as FigureRow;

  test("has its whole row in the file at the end, and nothing next to it", async () => {
    const { figure, ran, closed } = createFigure();
    const row = await measureInSlices(figure, start());
    expect(ran.map(({ from, count }) => [from, count])).toEqual([[0, 10], [10, 10], [20, 5]]);
    expect(row).toMatchObject({ figure: "counting", values: { units: 25 }, missed: [] });
    expect(row.options).toEqual({ units: 25, seed: 7 });
    expect(stored()).toEqual(JSON.parse(JSON.stringify(row)));
    expect(readdirSync(join(folder, "rows"))).toEqual(["counting.json"]);
    expect(closed()).toBe(1);
  });

  test("goes on after its last whole slice, with the same random numbers", async () => {
    const whole = await measureInSlices(createFigure().figure, start({ path: undefined }));
    const ended = createFigure([10]);
    await expect(measureInSlices(ended.figure, start())).rejects.toThrow("no slice 10");
    expect(stored()).toMatchObject({ values: { units: 10 }, missed: ["there are 25"] });
    expect(ended.closed()).toBe(1);
    const next = createFigure();
    const row = await measureInSlices(next.figure, start({ seed: undefined }));
    expect(next.ran).toEqual([
      { from: 10, count: 10, start: 2 },
      { from: 20, count: 5, start: 2 },
    ]);
    expect(row.progress?.counts).toEqual(whole.progress?.counts);
  });

  test("is not measured twice, unless that is asked for", async () => {
    const first = await measureInSlices(createFigure().figure, start());
    const again = createFigure();
    expect(await measureInSlices(again.figure, start())).toEqual(JSON.parse(JSON.stringify(first)));
    expect([again.ran.length, lines.at(-1)]).toEqual([
      0,
      expect.stringContaining("--restart measures it again"),
    ]);
    const restarted = createFigure();
    await measureInSlices(restarted.figure, start({ restarts: true, seed: 8 }));
    expect(restarted.ran.length).toBe(3);
    expect(stored().options["seed"]).toBe(8);
  });

  for (
    const [what, more, otherStart] of [
      ["another seed", {}, { seed: 8 }],
      ["other options", { options: { units: 26 } }, {}],
      ["another figure", { figure: "other" }, {}],
    ] as const
  ) {
    test(`refuses to go on with ${what}, and leaves the row`, async () => {
      await expect(measureInSlices(createFigure([20]).figure, start())).rejects.toThrow();
      const before = stored();
      await expect(measureInSlices(createFigure([], more).figure, start(otherStart)))
        .rejects.toThrow(/Cannot go on with .* was .* and is .*--restart/);
      expect(stored()).toEqual(before);
    });
  }

  test("refuses to go on with another commit", async () => {
    await expect(measureInSlices(createFigure([20]).figure, start())).rejects.toThrow();
    writeFileSync(path, JSON.stringify({ ...stored(), revision: "0000000" }));
    await expect(measureInSlices(createFigure().figure, start())).rejects.toThrow(
      "revision was 0000000",
    );
  });

  test("takes the place of a complete row that was measured in another way", async () => {
    await measureInSlices(createFigure().figure, start());
    const { figure, ran } = createFigure([], { options: { units: 26 } });
    await measureInSlices(figure, start());
    expect([ran.length, stored().options["units"]]).toEqual([3, 26]);
    expect(lines).toContainEqual(expect.stringContaining("units was 25 and is 26"));
  });

  test("never overwrites a file that is no row", () => {
    const other = join(folder, "other.json");
    for (const text of ["{", "[]", '{"name":"x"}']) {
      writeFileSync(other, text);
      expect(() => readRow(other)).toThrow("it is no row of a figure");
    }
  });
});

test("latencies in classes tell a percentile within five percent", () => {
  const latencies: Latencies = {};
  for (let ms = 1; ms <= 1_000; ms += 1) addLatency(latencies, ms);
  for (const part of [0.01, 0.5, 0.99]) {
    const found = latencyAt(latencies, part) / (part * 1_000);
    expect([found >= 1, found <= 1.051]).toEqual([true, true]);
  }
  addLatency(latencies, 0);
  expect(latencyAt(latencies, 0)).toBeGreaterThan(0);
  expect(latencyAt({}, 0.5)).toBeNaN();
});

test("the slope of several gateways does not depend on the level of each", () => {
  const group = (level: number, slope: number) =>
    Array.from({ length: 10 }, (_, ms) => ({ ms, value: level + slope * ms }));
  expect(commonSlopeOf([group(0, 2), group(900, 2)])).toBeCloseTo(2);
  expect(commonSlopeOf([group(0, 1), group(900, -1)])).toBeCloseTo(0);
  expect(commonSlopeOf([])).toBe(0);
});
