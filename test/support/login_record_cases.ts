/** What every kind of storage promises of the records of log-ins. */
import { describe, expect, test } from "bun:test";
import * as v from "valibot";
import type { LoginRecords, LoginTable, LoginTableRules } from "../../src/login_records.ts";
import { until } from "./wait.ts";

interface Body {
  readonly text: string;
}

const rules: LoginTableRules<Body> = {
  name: "cases",
  form: v.object({ text: v.string() }),
  lifeMs: 600_000,
  groupMax: 3,
  allMax: 5,
};

/** An empty store. */
interface OpenedRecords {
  readonly logins: LoginRecords;
  close(): Promise<void>;
}

/** The cases; `advance` moves the clock of a kind that has none of its own. */
export function describeLoginRecords(
  kind: string,
  open: () => Promise<OpenedRecords>,
  advance: (ms: number) => void,
): void {
  describe(`records of log-ins, ${kind}`, () => describeTable(open, advance));
}

function describeTable(open: () => Promise<OpenedRecords>, advance: (ms: number) => void): void {
  const withTable = async (
    changes: Partial<LoginTableRules<Body>>,
    work: (table: LoginTable<Body>) => Promise<void>,
  ) => {
    const { logins, close } = await open();
    await work(logins.table({ ...rules, ...changes }));
    await close();
  };

  test("a record of a log-in is found until it is taken, which one of many does", () =>
    withTable({}, async (table) => {
      await table.put("id", "group", { text: "日本" });
      expect(await table.find("id")).toEqual({ text: "日本" });
      expect(await table.take("id", "another group")).toBeUndefined();
      const taken = await Promise.all(Array.from({ length: 8 }, () => table.take("id", "group")));
      expect(taken.filter((body) => body !== undefined)).toEqual([{ text: "日本" }]);
      expect(await table.find("id")).toBeUndefined();
      expect(await table.newest("group")).toBeUndefined();
    }));

  test("a record is claimed by one group, which may claim it again", () =>
    withTable({}, async (table) => {
      expect(await table.claim("a", "mine", { text: "a" })).toBe(true);
      expect(await table.claim("b", "mine", { text: "b" })).toBe(true);
      expect(await table.claim("a", "yours", { text: "x" })).toBe(false);
      expect(await table.newest("mine")).toEqual({ text: "b" });
      expect(await table.claim("a", "mine", { text: "a" })).toBe(true);
      expect(await table.newest("mine")).toEqual({ text: "a" });
    }));

  test("records move to another group, and leave with it", () =>
    withTable({}, async (table) => {
      await table.put("a", "before", { text: "a" });
      await table.put("b", "before", { text: "b" });
      await table.move("before", "after");
      expect(await table.newest("before")).toBeUndefined();
      expect(await table.newest("after")).toEqual({ text: "b" });
      expect(await table.take("a", "before")).toBeUndefined();
      await table.removeGroup("after");
      expect([await table.find("a"), await table.find("b")]).toEqual([undefined, undefined]);
    }));

  test("a record ends by itself, and leaves room", () =>
    withTable({ lifeMs: 20, allMax: 1 }, async (table) => {
      await table.put("a", "group", { text: "a" });
      advance(20);
      await until("it has ended", async () => await table.find("a") === undefined);
      expect(await table.take("a")).toBeUndefined();
      expect(await table.claim("a", "another", { text: "b" })).toBe(true);
    }));

  test("the oldest of a group gives way, and in all that of the largest group", () =>
    withTable({}, async (table) => {
      const left = async (...ids: string[]) => {
        const found = await Promise.all(ids.map((id) => table.find(id)));
        return ids.filter((_, index) => found[index] !== undefined);
      };
      await table.put("small", "small", { text: "" });
      for (const id of ["a", "b", "c", "d"]) await table.put(id, "flood", { text: "" });
      expect(await left("small", "a", "b", "c", "d")).toEqual(["small", "b", "c", "d"]);
      await table.put("e", "third", { text: "" });
      await table.put("f", "fourth", { text: "" });
      expect(await left("small", "b", "c", "d", "e", "f")).toEqual(["small", "c", "d", "e", "f"]);
    }));

  test("where all groups have one record, the oldest of all gives way", () =>
    withTable({ allMax: 2 }, async (table) => {
      for (const id of ["a", "b", "c"]) await table.put(id, `of ${id}`, { text: id });
      expect([await table.find("a"), await table.find("b"), await table.find("c")])
        .toEqual([undefined, { text: "b" }, { text: "c" }]);
    }));
}
