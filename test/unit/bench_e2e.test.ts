/** The parts of the end-to-end benchmark that need no process: options, answers, figures, order, closing. */
import { describe, expect, test } from "bun:test";
import { createClosing } from "../../bench/e2e/closing.ts";
import { parseCoreList } from "../../bench/e2e/cores.ts";
import { cpuUsBetween } from "../../bench/e2e/cpu_time.ts";
import { figureFor, figures } from "../../bench/e2e/figures.ts";
import { orderOf, type TargetRounds } from "../../bench/e2e/measure.ts";
import { readOptions } from "../../bench/e2e/options.ts";
import { peers } from "../../bench/e2e/peers.ts";
import { reportFigures, reportRow, reportWorse } from "../../bench/e2e/report.ts";
import {
  isReached,
  percentile,
  ratioOf,
  type Roles,
  type RowResult,
  spreadOf,
  toReached,
  toRow,
} from "../../bench/e2e/results.ts";
import { assertAnswer } from "../../bench/e2e/rpc_client.ts";
import { scenarios } from "../../bench/e2e/scenarios.ts";
import { singleFigures } from "../../bench/e2e/single_figures.ts";
import { largeResult } from "../../bench/support/large_results.ts";

const roundsOf = (name: string, ...cpuUs: number[]): TargetRounds => ({
  name,
  rounds: cpuUs.map((us) => ({ cpuUs: us, latencies: [1, 2] })),
  residentBytes: 50 * 1024 * 1024,
});

describe("options", () => {
  const read = (...args: string[]) => readOptions(args, ["a", "b"], ["peer"]);

  test("take a value after an equals sign or a space", () => {
    expect(read("--only=a,b", "--against", "HEAD~3", "--fail-above", "1.1", "--rounds=9"))
      .toMatchObject({ only: ["a", "b"], against: "HEAD~3", failAbove: 1.1, rounds: 9 });
    expect(read()).toMatchObject({ rounds: 5, seconds: 0.6, only: undefined, isShort: false });
    expect(read("--short", "--peers=peer")).toMatchObject({ isShort: true, peers: ["peer"] });
  });

  for (
    const args of [
      ["--only=c"],
      ["--rounds=0"],
      ["--rounds=1.5"],
      ["--seconds=x"],
      ["--seconds=9999"],
      ["--fail-above=1.1"],
      ["--against"],
      ["--peers=other"],
      ["--warm-part=0"],
      ["--short=yes"],
      ["--write=a.md", "--json=b.json"],
      ["--other=1"],
      ["a"],
    ]
  ) {
    test(`refuse ${args.join(" ")}`, () => expect(() => read(...args)).toThrow());
  }
});

describe("an answer", () => {
  const content = [{ type: "text", text: "call 1" }];
  const answer = { id: 1, result: { content, resultType: "complete" } };

  test("is right with its id and the members asked for", () => {
    assertAnswer(answer, 1, { content });
  });

  test("is wrong with another id, other content or none", () => {
    expect(() => assertAnswer(answer, 2, { content })).toThrow("Wrong answer to request 2");
    expect(() => assertAnswer(answer, 1, { content: [] })).toThrow();
    expect(() => assertAnswer(answer, 1, { content: [{ type: "text", text: "call 2" }] }))
      .toThrow();
    expect(() => assertAnswer({ id: 1, error: { code: -32603 } }, 1, {})).toThrow();
    expect(() => assertAnswer(undefined, 1, {})).toThrow();
  });

  for (const shape of ["text", "log", "json", "structured"] as const) {
    test(`of 256 KiB has that size as ${shape}, and its label`, () => {
      const text = JSON.stringify(largeResult(shape, "a label"));
      expect(text.length).toBeGreaterThan(255 * 1024);
      expect(text.length).toBeLessThan(400 * 1024);
      expect(text).toContain('"a label"');
      expect(largeResult(shape, "other")).not.toEqual(largeResult(shape, "a label"));
    });
  }
});

describe("figures", () => {
  test("are medians with the lowest and the highest", () => {
    expect(spreadOf([3, 1, 2])).toEqual({ median: 2, lowest: 1, highest: 3 });
    expect(spreadOf([4, 1])).toEqual({ median: 2.5, lowest: 1, highest: 4 });
    const hundred = Array.from({ length: 100 }, (_, at) => 100 - at);
    expect([0.5, 0.9, 0.99].map((part) => percentile(hundred, part))).toEqual([51, 91, 100]);
  });

  test("compare two targets within each round", () => {
    expect(ratioOf(roundsOf("a", 20, 90, 40), roundsOf("b", 10, 30, 40)))
      .toEqual({ median: 2, lowest: 1, highest: 3 });
  });

  const rowOf = (name: string, measured: TargetRounds[]): RowResult => {
    const named = (wanted: string) => measured.find((one) => one.name === wanted);
    const roles: Roles = {
      bare: named("bare"),
      gateway: named("gateway"),
      plain: named("echo_16"),
      other: named("REV"),
    };
    return toRow({ name, title: "b", unit: "call" }, measured, roles, "bun");
  };

  test("stand in a line for each target, with both ratios", () => {
    const row = rowOf("a", [roundsOf("bare", 10), roundsOf("gateway", 22), roundsOf("REV", 20)]);
    const report = reportRow(row);
    expect(report).toMatch(/gateway .* 22\.0 µs .*50 MB .* 2\.20 \(2\.20–2\.20\) x bare/);
    expect(report).toContain("this tree / the other commit: 1.10 (1.10–1.10)");
    expect(report).toContain("CPU, times bare: 2.20 × (2.20–2.20)\n");
  });

  test("stand next to the figure to reach, which may be missed", () => {
    const bare = roundsOf("bare", 10);
    const fast = rowOf("echo_16", [bare, roundsOf("gateway", 17)]);
    const slow = rowOf("echo_16", [bare, roundsOf("gateway", 18)]);
    const slowest = rowOf("progress_10", [roundsOf("gateway", 40), roundsOf("echo_16", 10)]);
    const report = reportFigures([fast, slow, slowest]);
    expect(report).toMatch(/^echo_16 {2}CPU, times bare: 1\.70 × .*, figure 1\.70 ×: reached$/m);
    expect(report).toMatch(/^echo_16 {2}CPU, times bare: 1\.80 × .*, figure 1\.70 ×: missed$/m);
    expect(report).toMatch(/^progress_10 .*: 4\.00 echoes .*, figure 3\.50 echoes: missed$/m);
    expect(report).toMatch(/^1 of 3 figures reached$/m);
  });

  test("have no verdict where there is no figure, and are missed where there is no value", () => {
    expect(isReached(toReached("large_log", "cpu", spreadOf([9]), "bun"))).toBeUndefined();
    expect(isReached(toReached("echo_16", "cpu", spreadOf([]), "bun"))).toBe(false);
  });

  test("belong to a row that exists, and differ by runtime", () => {
    const rows = [...scenarios, ...singleFigures].map(({ name }) => name);
    for (const { row } of figures) expect(rows).toContain(row);
    expect(figureFor("echo_64", "cpu", "bun")).toBe(1.6);
    expect(figureFor("echo_64", "cpu", "deno")).toBe(1.75);
  });

  test("of other programs are measured in rows that exist, in exact versions from npm", () => {
    const rows = scenarios.map(({ name }) => name);
    for (const peer of peers) {
      for (const row of peer.rows) expect(rows).toContain(row);
      if (peer.registry === "npm") expect(peer.version).toMatch(/^\d+\.\d+\.\d+$/);
    }
  });

  test("above the bound are named, and so is one that could not be computed", () => {
    const row = (name: string, ...ratios: number[]): RowResult => ({
      name,
      title: "",
      columns: [],
      reached: [],
      timesOther: spreadOf(ratios),
    });
    expect(reportWorse([row("a", 1.1), row("b", 1.2), row("c")], 1.1))
      .toMatch(/^Above 1\.10: b 1\.20 .*, c NaN/);
    expect(reportWorse([row("a", 1.1)], 1.1)).toBeUndefined();
  });

  test("of CPU time add up over threads, new and ended ones too", () => {
    const before = new Map([["1", 5_000], ["2", 9_000]]);
    expect(cpuUsBetween(before, new Map([["1", 7_000], ["3", 4_000]]))).toBe(6);
  });
});

test("over six rounds, three targets are measured in every order", () => {
  const orders = [0, 1, 2, 3, 4, 5].map((round) => orderOf(["a", "b", "c"], round).join(""));
  expect(orders.toSorted()).toEqual(["abc", "acb", "bac", "bca", "cab", "cba"]);
  expect(orders.map((order) => order[0]).join("")).toBe("acbacb");
  expect([0, 1, 2, 3].map((round) => orderOf(["a", "b"], round)[0]).join("")).toBe("abba");
});

test("a list of cores has ranges and single numbers", () => {
  expect(parseCoreList("0-2,5\n")).toEqual([0, 1, 2, 5]);
  expect(parseCoreList("")).toEqual([]);
});

describe("closing", () => {
  test("closes the newest first, once, though one fails", async () => {
    const closing = createClosing();
    const closed: string[] = [];
    const open = (name: string) =>
      closing.open(() => Promise.resolve(name), (opened) => closed.push(opened));
    await open("first");
    await open("second");
    await closing.open(() => Promise.reject(new Error("not opened")), () => closed.push("never"))
      .catch(() => {});
    await Promise.all([closing.close(), closing.close()]);
    expect(closed).toEqual(["second", "first"]);
  });

  test("waits for what is being opened, and opens no more", async () => {
    const closing = createClosing();
    const closed: string[] = [];
    let finish = (_name: string) => {};
    const opening = closing.open(
      () => new Promise<string>((resolve) => finish = resolve),
      (opened) => closed.push(opened),
    );
    const ending = closing.close();
    finish("late");
    await Promise.all([opening, ending]);
    expect(closed).toEqual(["late"]);
    await expect(closing.open(() => Promise.resolve("later"), () => {})).rejects.toThrow();
  });
});
