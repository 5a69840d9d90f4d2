/**
 * Limits that depend on each other fit; a table that breaks a relation is refused with the reason.
 */
import { describe, expect, test } from "bun:test";
import { defaultLimits } from "../../src/limits.ts";
import { brokenRelations, relations } from "../../src/limits/relations.ts";

describe("the relations of bounds", () => {
  test("hold in the defaults", () => {
    expect(brokenRelations(defaultLimits)).toEqual([]);
  });

  test("each is found when it is broken, by name and with its reason", () => {
    for (const { lower, is, upper, why } of relations) {
      const edge = typeof upper === "number" ? upper : defaultLimits[upper];
      const broken = typeof lower === "number"
        ? { ...defaultLimits, [upper]: lower }
        : { ...defaultLimits, [lower]: is === "<" ? edge : edge + 1 };
      const found = brokenRelations(broken).filter((text) => text.endsWith(why));
      expect([lower, upper, found.length > 0]).toEqual([lower, upper, true]);
    }
  });

  test("every first wait has its longest one", () => {
    const firsts = Object.keys(defaultLimits).filter((name) => name.endsWith("MsMin"))
      .filter((name) => name.replace(/Min$/, "Max") in defaultLimits);
    expect(relations.map(({ lower }) => lower)).toEqual(expect.arrayContaining(firsts));
  });
});
