/** The rule of the benchmark's short form, on numbers, and the commit that it compares with. */
import { describe, expect, test } from "bun:test";
import { findBase, type Git } from "../../bench/e2e/base_commit.ts";
import { figureFor } from "../../bench/e2e/figures.ts";
import { type RowResult, spreadOf, toReached } from "../../bench/e2e/results.ts";
import { breachesOf, judgeRow } from "../../bench/e2e/short_rule.ts";

const figure = figureFor("echo_16", "cpu", "bun") ?? Number.NaN;

/** A measurement: five rounds beside the base commit, and beside the bare proxy. */
const row = (timesBase: readonly number[] | undefined, timesBare = figure): RowResult => ({
  name: "echo_16",
  title: "",
  columns: [],
  reached: [toReached("echo_16", "cpu", spreadOf([timesBare]), "bun")],
  ...(timesBase !== undefined && { timesOther: spreadOf(timesBase) }),
});
const same = [1, 1, 1, 1, 1];

describe("beside the base commit", () => {
  test("the median of the rounds counts: one or two bad ones are no warning", () => {
    expect(judgeRow(row([1, 1.1, 1.25, 1.5, 1.5])).outcome).toBe("passed");
    expect(judgeRow(row([1, 1.1, 1.26, 1.5, 1.5]))).toEqual({
      outcome: "warned",
      reasons: ["1.26 × the base commit, above 1.25"],
    });
  });

  test("1.6 twice in a row fails, once does not", () => {
    expect(breachesOf(row([1.6]))).toEqual([]);
    expect(breachesOf(row([1.61]))).toHaveLength(1);
    expect(judgeRow(row([1.61]), row([1.7]))).toEqual({
      outcome: "failed",
      reasons: ["1.70 × the base commit, above 1.6"],
    });
    expect(judgeRow(row([1.61]), row([1.3])).outcome).toBe("warned");
    expect(judgeRow(row([1.61]), row(same)).outcome).toBe("passed");
  });

  test("there may be none", () => {
    expect(judgeRow(row(undefined)).outcome).toBe("passed");
  });
});

test("rounds that differ too much among themselves warn, and fail nothing", () => {
  const noisy = row([1.2, 1.8, 2.5]);
  expect(breachesOf(noisy)).toHaveLength(1);
  expect(judgeRow(noisy, noisy)).toEqual({
    outcome: "warned",
    reasons: ["1.80 × the base commit, above 1.25 (too noisy: 1.20 to 2.50)"],
  });
  expect(judgeRow(row([1.8]), noisy).outcome).toBe("warned");
  expect(judgeRow(row([1.8]), row([1.7, 1.8, 2.5])).outcome).toBe("failed");
});

describe("beside its figure", () => {
  test("a value may be missed, but not twofold twice", () => {
    expect(judgeRow(row(same, 2 * figure)).outcome).toBe("passed");
    const far = row(same, 2.1 * figure);
    expect(breachesOf(far)).toHaveLength(1);
    expect(judgeRow(far, far).outcome).toBe("failed");
    expect(judgeRow(far, row(same)).outcome).toBe("passed");
  });

  test("two different breaches are not one twice", () => {
    expect(judgeRow(row([9]), row(same, 9 * figure)).outcome).toBe("warned");
    expect(judgeRow(row([9]), row([9], 9 * figure)).reasons).toHaveLength(1);
  });
});

test("a value that could not be computed is over its bound", () => {
  const none = row([], Number.NaN);
  expect(breachesOf(none).map(({ key }) => key)).toEqual(["base", "figure cpu"]);
  expect(judgeRow(none, none).outcome).toBe("failed");
});

describe("the base commit", () => {
  const gitWith = (answers: Readonly<Record<string, string>>): Git => (...args) =>
    answers[args.filter((arg) => !arg.startsWith("--")).join(" ")];
  const onBranch = {
    "rev-parse HEAD": "head",
    "rev-parse main^{commit}": "tip",
    "merge-base HEAD main": "fork",
  };
  const onMain = {
    ...onBranch,
    "merge-base HEAD main": "head",
    "rev-list -1 HEAD src bun.lock": "last",
    "rev-parse last^1": "before",
  };

  test("of a branch is where it left main", () => {
    expect(findBase(gitWith(onBranch))).toEqual({ revision: "fork" });
  });

  test("of main is the one before the last change of the source", () => {
    expect(findBase(gitWith(onMain))).toEqual({ revision: "before" });
    const cloned = { ...onMain, "rev-parse origin/main^{commit}": "tip" };
    expect(findBase(gitWith(cloned))).toEqual({ revision: "before" });
  });

  test("is missing outside of git, in a shallow clone, and where the source is the same", () => {
    expect(findBase(gitWith({}))).toEqual({ reason: "this is no git repository" });
    expect(findBase(gitWith({ "rev-parse HEAD": "head" })))
      .toEqual({ reason: "the history ends here" });
    expect(findBase(gitWith({ ...onBranch, "diff fork src bun.lock": "" })))
      .toEqual({ reason: "the source is the same as that of fork" });
  });
});
