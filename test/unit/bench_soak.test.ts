/** What `bench soak` judges memory by, and the order of its faults. */
import { expect, test } from "bun:test";
import { lowestOf, slopeOf } from "../../bench/support/slope.ts";
import { faultNames, faultOrder } from "../../bench/support/soak_faults.ts";
import { createSeededRandom } from "../support/random.ts";

test("memory that is collected again and again does not rise, a leak does", () => {
  const play = (leak: number) =>
    Array.from({ length: 1_000 }, (_, ms) => ({ ms, value: 50 + (ms % 10) * 3 + leak * ms }));
  expect(slopeOf(lowestOf(play(0), 100))).toBeCloseTo(0);
  expect(slopeOf(lowestOf(play(0.2), 100))).toBeCloseTo(0.2);
  expect(slopeOf(play(-1))).toBeCloseTo(-1, 1);
  expect([slopeOf([]), slopeOf([{ ms: 5, value: 9 }])]).toEqual([0, 0]);
});

test("faults come in an order that the seed repeats, each kind once before any comes again", () => {
  const first = (seed: number, count: number) => {
    const order = faultOrder(createSeededRandom(seed));
    return Array.from({ length: count }, () => order.next().value);
  };
  const kinds = faultNames.length;
  expect(first(7, 20)).toEqual(first(7, 20));
  expect(first(7, 20)).not.toEqual(first(8, 20));
  expect(first(7, kinds).toSorted()).toEqual([...faultNames].toSorted());
  expect(first(7, 2 * kinds).slice(kinds).toSorted()).toEqual([...faultNames].toSorted());
});
