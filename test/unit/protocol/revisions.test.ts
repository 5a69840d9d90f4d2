/** Which revisions are served, and how they differ. */
import { describe, expect, test } from "bun:test";
import {
  hasBatches,
  hasPriming,
  isServed,
  isSince,
  latestRevision,
  negotiate,
  revisions,
  rowOf,
} from "../../../src/protocol/legacy/revisions.ts";

describe("negotiation", () => {
  for (const revision of ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"]) {
    test(`${revision} is answered with itself`, () => {
      expect(negotiate(revision)).toBe(revision as never);
      expect(isServed(revision)).toBe(true);
    });
  }
  for (const requested of ["2024-10-07", "2026-07-28", "1.0", "", undefined, 20251125, {}]) {
    test(`${JSON.stringify(requested) ?? "nothing"} is answered with the latest`, () => {
      expect(negotiate(requested)).toBe("2025-11-25");
      expect(isServed(requested)).toBe(false);
    });
  }
});

describe("differences", () => {
  const having = (has: (revision: string) => boolean) => revisions.filter(has);

  test("only 2025-03-26 has batches", () => expect(having(hasBatches)).toEqual(["2025-03-26"]));
  test("only 2025-11-25 primes streams", () => {
    expect(having(hasPriming)).toEqual(["2025-11-25"]);
  });
  test("later means as late or later", () => {
    expect(having((revision) => isSince(revision, "2025-06-18"))).toEqual([
      "2025-06-18",
      "2025-11-25",
    ]);
    expect(having((revision) => isSince(revision, "2024-11-05"))).toEqual([...revisions]);
  });
  test("an unknown revision gets the first row", () => {
    expect(rowOf("2099-01-01")).toBe(rowOf("2024-11-05"));
    expect(isSince("2099-01-01", latestRevision)).toBe(false);
  });
});
