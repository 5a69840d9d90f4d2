/** What counts as a change of a tool: its fingerprint, and what it is compared with. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { defaultLimits } from "../../../src/limits.ts";
import type { JsonObject } from "../../../src/model.ts";
import { sha256 } from "../../../src/runtime/digest.ts";
import { describeChanges } from "../../../src/upstream/catalog/change_line.ts";
import { compareTools } from "../../../src/upstream/catalog/compare_tools.ts";
import {
  fingerprintOf,
  fingerprintsOf,
  readDefinition,
  toDefinition,
} from "../../../src/upstream/catalog/tool_fingerprint.ts";
import type { ListOrigin, PinnedList } from "../../../src/upstream/pins.ts";
import { createTestClock } from "../../support/clock.ts";

const tool: JsonObject = {
  name: "read",
  title: "Read",
  description: "Reads",
  inputSchema: {
    type: "object",
    properties: { a: { type: ["string", "null"] }, b: { enum: ["x", "y"] } },
    required: ["a", "b"],
  },
  outputSchema: { type: "object" },
  annotations: { readOnlyHint: true },
};
const print = (one: JsonObject) => fingerprintOf(one, sha256);

describe("the fingerprint of a tool", () => {
  test("is SHA-256, and covers name, texts, schemas and annotations", () => {
    expect(print(tool)).toMatch(/^[0-9a-f]{64}$/);
    const variants: readonly JsonObject[] = [
      { ...tool, name: "Read" },
      { ...tool, title: "read" },
      { ...tool, description: "Reads." },
      { ...tool, description: "Reads\u200b" },
      { ...tool, description: undefined },
      { ...tool, inputSchema: { type: "object" } },
      { ...tool, inputSchema: { ...tool["inputSchema"] as JsonObject, required: ["a"] } },
      { ...tool, outputSchema: undefined },
      { ...tool, annotations: { readOnlyHint: false } },
    ];
    expect(new Set([tool, ...variants].map(print)).size).toBe(variants.length + 1);
  });

  test("does not depend on orders without a meaning, nor on what hosts alone use", () => {
    const turned = {
      ...Object.fromEntries(Object.entries(tool).reverse()),
      inputSchema: {
        required: ["b", "a"],
        properties: { b: { enum: ["y", "x"] }, a: { type: ["null", "string"] } },
        type: "object",
      },
    };
    expect(print(turned)).toBe(print(tool));
    const more = { icons: [], _meta: { at: 1 }, execution: { taskSupport: "optional" }, x: 1 };
    expect(print({ ...tool, ...more })).toBe(print(tool));
    // Where the order has a meaning it counts.
    const listed = (...examples: string[]) => ({ ...tool, inputSchema: { examples } });
    expect(print(listed("a", "b"))).not.toBe(print(listed("b", "a")));
  });

  test("is the same for the same JSON, whatever the order of members", () => {
    fc.assert(fc.property(fc.json(), (text) => {
      const value = JSON.parse(text) as unknown;
      const turn = (one: unknown): unknown => {
        if (Array.isArray(one)) return one.map(turn);
        if (typeof one !== "object" || one === null) return one;
        return Object.fromEntries(Object.entries(one).reverse().map(([k, v]) => [k, turn(v)]));
      };
      const of = (inputSchema: unknown) => print({ name: "a", inputSchema });
      expect(of(turn(value))).toBe(of(value));
    }));
  });

  test("of a long list is worked out while other work runs in between", async () => {
    const clock = createTestClock();
    let reads = 0;
    const slow = { ...clock, monotonic: () => reads++ * 10 };
    const all = Array.from({ length: 20 }, (_, at) => ({ name: `t${at}` }));
    const work = fingerprintsOf(all, { clock: slow, limits: { readTurnMs: 20 }, sha256 });
    let isDone = false;
    void work.then(() => isDone = true);
    await Promise.resolve();
    expect(isDone).toBe(false);
    while (!isDone) await clock.advance(1);
    expect(await work).toEqual(all.map(print));
  });
});

describe("a stored definition", () => {
  test("has what the fingerprint covers, whole where it is short", () => {
    expect(readDefinition(toDefinition({ ...tool, _meta: {} }, 10_000))).toEqual(tool);
    expect(readDefinition("{")).toBe(undefined);
    expect(readDefinition("[]")).toBe(undefined);
  });

  test("is cut to its bound, and stays JSON", () => {
    const long = '\u0001"é😀'.repeat(5_000);
    const huge = { ...tool, title: long, description: long, inputSchema: { [long]: long } };
    const text = toDefinition(huge, 6_000);
    expect(text.length).toBeLessThanOrEqual(6_000);
    expect(readDefinition(text)).toMatchObject({ name: "read", outputSchema: { type: "object" } });
  });
});

const origin: ListOrigin = {
  principal: "",
  variant: "plain",
  key: "k1",
  version: "v1",
  isWhole: true,
};
type Tools = Readonly<Record<string, string>>;

/** Plays lists of a server one after the other. */
function play() {
  const lists = new Map<string, PinnedList>();
  const approved = new Set<string>();
  return {
    lists,
    approve: (...all: string[]) => all.forEach((one) => approved.add(one)),
    see(tools: Tools, changes: Partial<ListOrigin> = {}): readonly string[] {
      const from = { ...origin, ...changes };
      const { list, differences } = compareTools(
        { subject: "s", origin: from, tools: new Map(Object.entries(tools)) },
        {
          lists: lists.values(),
          isApproved: (name, fingerprint) => approved.has(`${name} ${fingerprint}`),
        },
        defaultLimits.acceptedPrintsMax,
      );
      lists.set(`${from.principal} ${from.variant}`, list);
      return differences.map(({ kind, tool: name, fingerprint }) =>
        `${kind} ${name} ${fingerprint}`.trim()
      );
    },
  };
}

describe("a list is compared", () => {
  test("with nothing when it is the first, and with that from then on", () => {
    const { see, lists } = play();
    expect(see({ a: "1", b: "1" })).toEqual([]);
    const [kept] = lists.values();
    expect(see({ b: "1", a: "1" })).toEqual([]);
    expect([...lists.values()][0]).toBe(kept as PinnedList);
    expect(see({ a: "2", c: "1" })).toEqual(["changed a 2", "new c 1", "removed b"]);
    expect(see({ a: "2", c: "1" }, { isWhole: false })).toEqual(["changed a 2", "new c 1"]);
    expect(see({ a: "1", b: "1" })).toEqual([]);
  });

  test("with what a person approved, whichever list it was seen in", () => {
    const { see, approve } = play();
    see({ a: "1", b: "1" });
    see({ a: "1" }, { variant: "apps" });
    expect(see({ a: "2", c: "1" })).toEqual(["changed a 2", "new c 1", "removed b"]);
    approve("a 2", "c 1", "b ");
    expect(see({ a: "2", c: "1" })).toEqual([]);
    expect(see({ a: "2" }, { variant: "apps" })).toEqual([]);
    expect(see({ a: "1", c: "1" })).toEqual([]);
    expect(see({ a: "1", c: "1", b: "2" })).toEqual(["new b 2"]);
  });

  test("with lists of the same principal and kind of client alone", () => {
    const { see } = play();
    see({ a: "1" });
    expect(see({ a: "2", b: "1" }, { variant: "apps" })).toEqual([]);
    expect(see({ a: "3" }, { principal: "ann" })).toEqual([]);
    expect(see({ a: "1" })).toEqual([]);
    expect(see({ a: "2", b: "1" }, { variant: "apps" })).toEqual([]);
    expect(see({ a: "1" }, { principal: "ann" })).toEqual(["changed a 1"]);
  });

  test("with all lists of its principal when it is the first of its kind in a new version", () => {
    const { see } = play();
    see({ a: "1", b: "1" });
    see({ a: "1", c: "1" }, { variant: "apps" });
    const next = { version: "v2" };
    expect(see({ a: "2", b: "1", c: "1", d: "1" }, { ...next, variant: "other" })).toEqual([
      "changed a 2",
      "new d 1",
    ]);
    // It trusts no list that had changes in that version.
    expect(see({ a: "2" }, { ...next, variant: "third" })).toEqual(["changed a 2"]);
    expect(see({ a: "9" }, { ...next, principal: "ann" })).toEqual([]);
  });

  test("with nothing when its kind is new in a version that was accepted", () => {
    const { see } = play();
    see({ a: "1" });
    expect(see({ a: "1" }, { version: "v2" })).toEqual([]);
    expect(see({ a: "2", b: "1" }, { version: "v2", variant: "apps" })).toEqual([]);
  });

  test("and remembers a few fingerprints of each tool", () => {
    const { see, approve, lists } = play();
    for (let at = 1; at <= 9; at += 1) {
      approve(`a ${at}`);
      see({ a: `${at}` });
    }
    expect([...lists.values()][0]?.tools.get("a")).toEqual(["9", "8", "7", "6"]);
  });
});

test("the line about changes is short, and hides nothing", () => {
  const names = Array.from({ length: 30 }, (_, at) => ({ tool: `t${at}`, kind: "new" as const }));
  const line = describeChanges(
    "box",
    [...names, { tool: "a\u202eb", kind: "changed" }],
    true,
    defaultLimits,
  );
  expect(line).toContain('changed "a⟨U+202E⟩b"; new "t0"');
  expect(line).toContain("and 20 more");
  expect(line.length).toBeLessThan(600);
});
